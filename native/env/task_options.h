// Task options, under Gymnasium's names. A task declares each option once, as a member of its options struct:
//   struct HopperOptions : TaskOptions {
//     using TaskOptions::TaskOptions;
//     const double healthy_reward = number("healthy_reward", 1, "reward per step for being healthy");
//   };
// Constructed from the values a user gave, the struct holds every option's value and can list all declared options.
#pragma once
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace gogepo {

inline constexpr double infinity = std::numeric_limits<double>::infinity();

struct Range {
  double low = 0, high = 0;
  bool holds(double x) const { return low < x && x < high; }
};

using TaskOptionValue = std::variant<bool, double, Range>;
using TaskOptionValues = std::map<std::string, TaskOptionValue>;

struct TaskOption {
  std::string name;
  TaskOptionValue standard;  // default value; determines the option's type
  std::string help;
  double least = -infinity, most = infinity;  // bounds of a number
  bool whole = false;                         // integers only
};

// Unknown option name or invalid value. The message is shown to the user.
struct TaskOptionError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

class TaskOptions {
 public:
  explicit TaskOptions(const TaskOptionValues& given) : given_(given) {}
  const std::vector<TaskOption>& declared() const { return declared_; }
  void refuse_undeclared() const;  // throws TaskOptionError if a given name is not an option of the task

 protected:
  double number(const char* name, double standard, const char* help, double least = -infinity, double most = infinity);
  int whole(const char* name, int standard, const char* help, int least, int most);
  bool boolean(const char* name, bool standard, const char* help);
  Range range(const char* name, Range standard, const char* help);

 private:
  template <class Value>
  Value value_of(TaskOption option);
  TaskOptionValues given_;
  std::vector<TaskOption> declared_;
};

}  // namespace gogepo
