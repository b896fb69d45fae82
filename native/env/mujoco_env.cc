#include "mujoco_env.h"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <stdexcept>

namespace gogepo {
namespace {

// MuJoCo reports an error through a handler that must not return; the default one ends the process. This one jumps back
// to the call in progress on this thread, which then throws. The jump is safe because it only skips MuJoCo's C frames.
thread_local std::jmp_buf* recovery = nullptr;
thread_local char message[1024];
mjfLogHandler other_handler = nullptr;

void on_log(const mjLogMessage* log) {
  if (recovery == nullptr) {  // a MuJoCo call from elsewhere in this process
    if (other_handler) other_handler(log);
  } else if (log->level == mjLOG_ERROR) {
    std::snprintf(message, sizeof message, "%s", log->subject);
    std::longjmp(*recovery, 1);
  }  // ignore warnings: mjData counts them
}

template <class Call>
void guarded(const Call& call) {
  std::jmp_buf here;
  recovery = &here;
  if (setjmp(here) != 0) {
    recovery = nullptr;
    throw std::runtime_error(std::string("MuJoCo: ") + message);
  }
  call();
  recovery = nullptr;
}

mjData* make_data(const mjModel* model) {
  mjData* data = nullptr;
  guarded([&] { data = mj_makeData(model); });
  if (data == nullptr) throw std::runtime_error("MuJoCo: out of memory for another simulation");
  return data;
}

}  // namespace

const char* mujoco_version() { return mj_versionString(); }

mjModel* compile_model(const char* xml) {
  static const bool handled = (other_handler = mju_setLogHandler(on_log), true);
  (void)handled;
  char error[1024] = "";
  mjModel* model = nullptr;
  guarded([&] {
    if (mjSpec* spec = mj_parseXMLString(xml, nullptr, error, sizeof error)) {
      model = mj_compile(spec, nullptr);
      if (model == nullptr) std::snprintf(error, sizeof error, "%s", mjs_getError(spec));
      mj_deleteSpec(spec);
    }
  });
  if (model == nullptr) throw std::runtime_error(std::string("MuJoCo: ") + error);
  return model;
}

MujocoEnv::MujocoEnv(const mjModel* shared, int frames)
    : model(shared), frame_skip(frames), dt(shared->opt.timestep * frames), data(make_data(shared)) {}

MujocoEnv::~MujocoEnv() { mj_deleteData(data); }

void MujocoEnv::reset(Stream& random, double* observation) {
  guarded([&] { mj_resetData(model, data); });
  draw_state(random);
  guarded([&] { mj_forward(model, data); });
  observe(observation);
}

void MujocoEnv::set_state(const double* state, double* observation) {
  guarded([&] {
    mj_resetData(model, data);
    mju_copy(data->qpos, state, model->nq);
    mju_copy(data->qvel, state + model->nq, model->nv);
    mj_forward(model, data);
  });
  observe(observation);
}

bool MujocoEnv::simulate(const double* action) {
  guarded([&] {
    mju_copy(data->ctrl, action, model->nu);
    for (int frame = 0; frame < frame_skip; ++frame) mj_step(model, data);
  });
  for (int bad : {mjWARN_BADQPOS, mjWARN_BADQVEL, mjWARN_BADQACC, mjWARN_BADCTRL})
    if (data->warning[bad].number > 0) return false;
  return is_finite();
}

bool MujocoEnv::is_finite() const {
  const auto finite = [](double x) { return std::isfinite(x); };
  return std::all_of(data->qpos, data->qpos + model->nq, finite) &&
         std::all_of(data->qvel, data->qvel + model->nv, finite);
}

void MujocoEnv::compute_contact_forces() {
  guarded([&] { mj_rnePostConstraint(model, data); });
}

int64_t MujocoEnv::warnings() const {
  int64_t total = 0;
  for (const mjWarningStat& warning : data->warning) total += warning.number;
  return total;
}

}  // namespace gogepo
