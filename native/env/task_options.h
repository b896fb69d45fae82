// What may be changed of a task, under Gymnasium's names. A page declares each option once, as a member of its own
// struct:
//   struct HopperOptions : TaskOptions {
//     using TaskOptions::TaskOptions;
//     const double healthy_reward = number("healthy_reward", 1, "what a step pays for being healthy");
//   };
// Made from what a user gave, the struct holds every option's value, and knows what all of them are.
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
  TaskOptionValue standard;  // its value when none is given; its type is the option's
  std::string help;
  double least = -infinity, most = infinity;  // of a number
  bool whole = false;                         // a number without a fraction
};

// A name that the task does not have, or a value it cannot take. In words for the user.
struct TaskOptionError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

class TaskOptions {
 public:
  explicit TaskOptions(const TaskOptionValues& given) : given_(given) {}
  const std::vector<TaskOption>& declared() const { return declared_; }
  void refuse_undeclared() const;  // throws for what was given and is no option of the task

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
