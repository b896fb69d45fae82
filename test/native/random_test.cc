#include "random.h"

#include "check.h"

using namespace gogepo;

// Known answers for Philox4x32-10, published with the Random123 library (Salmon et al. 2011).
TEST("philox gives the published answers") {
  CHECK((Stream::philox({0, 0, 0, 0}, {0, 0}) == Stream::Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  CHECK((Stream::philox({ones, ones, ones, ones}, {ones, ones}) ==
         Stream::Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  CHECK((Stream::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
         Stream::Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST("a stream depends only on seed, purpose and index") {
  Stream a(7, Purpose::parameter_noise, 3), b(7, Purpose::parameter_noise, 3);
  for (int i = 0; i < 100; ++i) CHECK(a.bits() == b.bits());
  Stream c(7, Purpose::parameter_noise, 3);
  CHECK(c.bits() != Stream(8, Purpose::parameter_noise, 3).bits());
  Stream d(7, Purpose::parameter_noise, 3);
  CHECK(d.bits() != Stream(7, Purpose::training_reset, 3).bits());
  Stream e(7, Purpose::parameter_noise, 3);
  CHECK(e.bits() != Stream(7, Purpose::parameter_noise, uint64_t(3) + (uint64_t(1) << 32)).bits());
}

TEST("uniform and normal samples have the right moments") {
  Stream stream(1, Purpose::parameter_noise, 0);
  const int n = 200000;
  double sum = 0, square = 0, low = 1, high = 0;
  for (int i = 0; i < n; ++i) {
    const double u = stream.uniform();
    sum += u;
    low = std::min(low, u);
    high = std::max(high, u);
  }
  CHECK(low >= 0 && high < 1);
  CHECK_NEAR(sum / n, 0.5, 0.003);
  sum = 0;
  double fourth = 0;
  for (int i = 0; i < n; ++i) {
    const double x = stream.normal();
    sum += x;
    square += x * x;
    fourth += x * x * x * x;
  }
  CHECK_NEAR(sum / n, 0, 0.01);
  CHECK_NEAR(square / n, 1, 0.015);
  CHECK_NEAR(fourth / n, 3, 0.1);
}
