// Replaces libFuzzer where it is missing: random inputs, and mutations of earlier ones. Prints TAP. Arguments: number
// of inputs (20000), seed (1).
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  const long inputs = argc > 1 ? std::atol(argv[1]) : 20000;
  std::mt19937_64 random(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
  std::vector<std::vector<uint8_t>> kept(64);
  for (long i = 0; i < inputs; ++i) {
    std::vector<uint8_t>& bytes = kept[random() % kept.size()];
    if (bytes.empty() || random() % 4 == 0) {
      bytes.resize(random() % 512);
      for (uint8_t& byte : bytes) byte = uint8_t(random());
    } else {
      for (int n = 1 + int(random() % 4); n > 0 && !bytes.empty(); --n)
        bytes[random() % bytes.size()] = uint8_t(random() % 3 ? random() : (random() % 2) * 255);
    }
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::printf("TAP version 14\n1..1\nok 1 - %ld inputs\n", inputs);
}
