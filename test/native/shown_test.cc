#include "shown.h"

#include <cmath>

#include "check.h"

using gogepo::shown;

TEST("a number in a message has the fewest digits from which it is read again") {
  CHECK(shown(0.1) == "0.1");
  CHECK(shown(0.1f) == "0.1");
  CHECK(shown(0.1 + 0.2) == "0.30000000000000004");
  CHECK(shown(200) == "200" && shown(-1234567) == "-1234567" && shown(0) == "0");
  CHECK(shown(99999.5) == "99999.5");
  CHECK(shown(1e39) == "1e+39" && shown(1e-9) == "1e-09");
}

TEST("a number that is not finite reads as in JavaScript") {
  CHECK(shown(NAN) == "NaN" && shown(-NAN) == "NaN");
  CHECK(shown(INFINITY) == "Infinity" && shown(-INFINITY) == "-Infinity");
}
