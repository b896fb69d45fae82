#pragma once
#include <cmath>

namespace gogepo {

// x**2 of a number of Python or numpy is the C library's pow, whose last bit is not always that of x * x. The exponent
// is hidden from the compiler, which would write x * x.
template <class Real>
Real squared(Real x) {
  volatile Real two = 2;
  return std::pow(x, Real(two));
}

}  // namespace gogepo
