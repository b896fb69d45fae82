// A minimal test framework: TEST("name") { CHECK(...); } and a main that prints TAP.
#pragma once
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

namespace check {

struct Case {
  const char* name;
  std::function<void()> body;
};
inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}
inline std::vector<std::string>& failures() {
  static std::vector<std::string> all;
  return all;
}
struct Register {
  Register(const char* name, std::function<void()> body) { cases().push_back({name, std::move(body)}); }
};
inline void expect(bool holds, const char* file, int line, const std::string& text) {
  if (!holds) failures().push_back(std::string(file) + ":" + std::to_string(line) + ": " + text);
}
template <class A, class B>
void expect_near(A a, B b, double tolerance, const char* file, int line, const char* text) {
  std::ostringstream out;
  out.precision(17);
  out << text << ": " << a << " against " << b << ", tolerance " << tolerance;
  expect(std::abs(double(a) - double(b)) <= tolerance, file, line, out.str());
}

}  // namespace check

#define CHECK_JOIN_(a, b) a##b
#define CHECK_JOIN(a, b) CHECK_JOIN_(a, b)
#define TEST(name)                                                                           \
  static void CHECK_JOIN(test_, __LINE__)();                                                 \
  static check::Register CHECK_JOIN(register_, __LINE__)(name, CHECK_JOIN(test_, __LINE__)); \
  static void CHECK_JOIN(test_, __LINE__)()
#undef CHECK  // LibTorch defines one too
#define CHECK(condition) check::expect(bool(condition), __FILE__, __LINE__, #condition)
#define CHECK_NEAR(a, b, tolerance) check::expect_near(a, b, tolerance, __FILE__, __LINE__, #a " is near " #b)
#define CHECK_THROWS(expression)                                     \
  do {                                                               \
    bool threw = false;                                              \
    try {                                                            \
      (void)(expression);                                            \
    } catch (const std::exception&) {                                \
      threw = true;                                                  \
    }                                                                \
    check::expect(threw, __FILE__, __LINE__, #expression " throws"); \
  } while (false)

int main() {
  int failed = 0, number = 0;
  std::printf("TAP version 14\n1..%zu\n", check::cases().size());
  for (const auto& c : check::cases()) {
    check::failures().clear();
    try {
      c.body();
    } catch (const std::exception& error) {
      check::failures().push_back(std::string("threw: ") + error.what());
    }
    const bool ok = check::failures().empty();
    std::printf("%s %d - %s\n", ok ? "ok" : "not ok", ++number, c.name);
    for (const auto& failure : check::failures()) std::printf("#   %s\n", failure.c_str());
    failed += !ok;
    std::fflush(stdout);
  }
  return failed ? 1 : 0;
}
