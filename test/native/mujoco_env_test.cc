// MuJoCo's reports: an error becomes an exception, a warning is counted, and neither is printed or written to a file.
#include "mujoco_env.h"

#include <filesystem>

#include "check.h"

using namespace gogepo;

namespace {

// A heap of balls, with as much memory as the model allows.
class Heap final : public MujocoEnv {
 public:
  explicit Heap(const mjModel* heap) : MujocoEnv(heap, 1) {}
  Step step(const double* action, double*) override {
    Step step;
    step.diverged = !simulate(action);
    return step;
  }

 private:
  void draw_state(Stream&) override {}
  void observe(double*) const override {}
};

std::string heap_model(const std::string& memory) {
  std::string bodies;
  for (int i = 0; i < 12; ++i)
    bodies += "<body pos='0 0 " + std::to_string(0.01 * i) + "'><freejoint/><geom size='0.1'/></body>";
  return "<mujoco><size memory='" + memory + "'/><worldbody><geom type='plane' size='9 9 1'/>" + bodies +
         "</worldbody></mujoco>";
}

}  // namespace

TEST("an invalid model is an error with MuJoCo's message") {
  CHECK_THROWS(compile_model("<mujoco><worldbody>"));
  try {
    compile_model("<mujoco><worldbody><body><joint type='spring'/></body></worldbody></mujoco>");
    CHECK(false);
  } catch (const std::exception& error) {
    CHECK(std::string(error.what()).find("spring") != std::string::npos);
  }
}

TEST("an error inside a step throws every time and does not affect other simulations") {
  const mjModel* const roomy = compile_model(heap_model("4M").c_str());
  const mjModel* const narrow = compile_model(heap_model("20K").c_str());
  Heap sound(roomy);
  std::vector<double> state(sound.state_size());
  Stream random(1, Purpose::training_reset, 0);
  sound.reset(random, nullptr);
  for (int i = 0; i < 3; ++i) {
    Heap broken(narrow);
    CHECK_THROWS(broken.reset(random, nullptr));
    CHECK(!sound.step(nullptr, nullptr).diverged);
  }
}

TEST("a simulation that blows up is reported as diverged") {
  Heap heap(compile_model(heap_model("4M").c_str()));
  std::vector<double> state(heap.state_size(), 0.0);
  for (int i = 0; i < heap.model->nq; ++i) state[i] = heap.model->qpos0[i];
  state[heap.model->nq] = 1e11;
  heap.set_state(state.data(), nullptr);
  CHECK(heap.step(nullptr, nullptr).diverged);
}

TEST("no log file was written") { CHECK(!std::filesystem::exists("MUJOCO_LOG.TXT")); }

TEST("sums of squares in numpy's order") {
  std::vector<double> x;
  for (int i = 0; i < 17; ++i) x.push_back(std::sqrt(double(1 << i)));
  CHECK_NEAR(sum_of_squares<double>(x.data(), 17), 131071, 1e-9);
  const double s = std::sqrt(3e-8);  // its square alone is too small to change 1
  const double four[] = {1, s, s, s};
  CHECK(sum_of_squares<float>(four, 4) == 1);
  const double eight[] = {0, 0, 0, 0, 1, s, s, s};  // ((0+0)+(0+0)) + ((1+s²)+(s²+s²)): two of them do
  CHECK(sum_of_squares<float>(eight, 8) > 1);
}
