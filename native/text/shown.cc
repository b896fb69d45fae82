#include "shown.h"

#include <cmath>
#include <iomanip>
#include <limits>
#include <locale>
#include <sstream>

namespace gogepo {

// std::to_chars finds the digits too, but is newer than the oldest supported C++ library.
std::string shown(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  const double size = std::abs(value);
  const bool single = float(value) == value;
  // With fewer digits than are before the point, an exponent would be written.
  for (int digits = size >= 1 && size < 1e15 ? int(std::log10(size)) + 1 : 1;; ++digits) {
    std::stringstream text(std::ios::in | std::ios::out);  // the default has a newer symbol too
    text.imbue(std::locale::classic());
    text << std::setprecision(digits) << value;
    const std::string written = text.str();
    double read = 0;
    if (digits == std::numeric_limits<double>::max_digits10) return written;
    if (text >> read && (single ? float(read) == float(value) : read == value)) return written;
  }
}

}  // namespace gogepo
