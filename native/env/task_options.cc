#include "task_options.h"

#include <cmath>

#include "shown.h"

namespace gogepo {
namespace {

std::string words(double number) {
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";  // as the command line takes it
  return shown(number);
}

std::string words(const TaskOptionValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const double* number = std::get_if<double>(&value)) return words(*number);
  const Range range = std::get<Range>(value);
  return words(range.low) + "," + words(range.high);
}

std::string expected(const TaskOption& option) {
  if (std::holds_alternative<bool>(option.standard)) return "true or false";
  if (std::holds_alternative<Range>(option.standard))
    return "two numbers, the lower one first, such as " + words(option.standard);
  std::string text = option.whole ? "a whole number" : "a number";
  if (option.least > -infinity) text += (option.most < infinity ? " from " : " of at least ") + words(option.least);
  if (option.most < infinity) text += " to " + words(option.most);
  return text;
}

bool fits(const TaskOption& option, const TaskOptionValue& value) {
  if (option.standard.index() != value.index()) return false;
  if (const double* number = std::get_if<double>(&value))
    return std::isfinite(*number) && *number >= option.least && *number <= option.most &&
           (!option.whole || *number == std::floor(*number));
  const Range* range = std::get_if<Range>(&value);
  return range == nullptr || range->low <= range->high;  // false for NaN
}

}  // namespace

void TaskOptions::refuse_undeclared() const {
  for (const auto& [name, value] : given_) {
    bool known = false;
    for (const TaskOption& option : declared_) known |= option.name == name;
    if (!known) throw TaskOptionError("unknown task option \"" + name + "\".");
  }
}

template <class Value>
Value TaskOptions::value_of(TaskOption option) {
  const auto found = given_.find(option.name);
  const TaskOptionValue value = found == given_.end() ? option.standard : found->second;
  if (!fits(option, value))
    throw TaskOptionError("expected " + option.name + " to be " + expected(option) + ", got " + words(value) + ".");
  declared_.push_back(std::move(option));
  return std::get<Value>(value);
}

double TaskOptions::number(const char* name, double standard, const char* help, double least, double most) {
  return value_of<double>({name, standard, help, least, most});
}

int TaskOptions::whole(const char* name, int standard, const char* help, int least, int most) {
  return int(value_of<double>({name, double(standard), help, double(least), double(most), true}));
}

bool TaskOptions::boolean(const char* name, bool standard, const char* help) {
  return value_of<bool>({name, standard, help});
}

Range TaskOptions::range(const char* name, Range standard, const char* help) {
  return value_of<Range>({name, standard, help});
}

}  // namespace gogepo
