// Interprets a fuzzer's bytes as values; zero once they run out.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>

struct Bytes {
  const uint8_t* data;
  size_t size;

  template <class T>
  T take() {
    T value{};
    const size_t n = size < sizeof(T) ? size : sizeof(T);
    if (n > 0) std::memcpy(&value, data, n);
    data += n;
    size -= n;
    return value;
  }
  // Half of the time a small number: uniformly random doubles are hardly ever valid input.
  double number() {
    const uint8_t kind = take<uint8_t>();
    return kind < 128 ? double(kind % 16) / 4 - 1 : take<double>();
  }
  int whole(int low, int high) { return low + int(take<uint32_t>() % uint32_t(high - low + 1)); }
};
