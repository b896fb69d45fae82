#pragma once
#include <cmath>

namespace gogepo {

// Python and numpy scalars compute x**2 with the C library's pow, which may differ from x * x in the last bit. The
// volatile exponent keeps the compiler from replacing pow with x * x.
template <class Real>
Real squared(Real x) {
  volatile Real two = 2;
  return std::pow(x, Real(two));
}

}  // namespace gogepo
