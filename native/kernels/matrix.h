// A matrix in panels that owns its memory, and views of parts of one.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "kernels.h"

namespace gogepo::kernels {

inline int64_t whole_panels(int64_t cols, int width) { return (cols + width - 1) / width * width; }

// Bytes that all Memory of this process holds.
inline std::atomic<int64_t> memory_in_use{0};

struct FreeMemory {
  int64_t bytes = 0;
  void operator()(float* p) const {
    std::free(p);
    memory_in_use -= bytes;
  }
};

// Zeros, on cache lines. What pads a last panel stays finite, and its products are never read.
class Memory {
 public:
  Memory() = default;
  explicit Memory(int64_t size) {
    const size_t bytes = size_t(std::max<int64_t>(size, 1) * 4 + 63) / 64 * 64;
    data_ = {static_cast<float*>(std::aligned_alloc(64, bytes)), FreeMemory{int64_t(bytes)}};
    if (!data_) throw std::bad_alloc();
    memory_in_use += int64_t(bytes);
    std::memset(data_.get(), 0, bytes);
  }
  float* data() const { return data_.get(); }

 private:
  std::unique_ptr<float, FreeMemory> data_;
};

class Matrix {
 public:
  Matrix() = default;
  Matrix(int width, int64_t rows, int64_t cols)
      : memory_(rows * whole_panels(cols, width)), panels_{memory_.data(), rows, cols, rows * width} {}
  operator const Panels&() const { return panels_; }
  const Panels* operator->() const { return &panels_; }

 private:
  Memory memory_;
  Panels panels_;
};

inline float* at(const Panels& m, int width, int64_t row, int64_t col) {
  return m.data + col / width * m.stride + row * width + col % width;
}
inline Panels rows_of(const Panels& m, int width, int64_t first, int64_t count) {
  return {m.data + first * width, count, m.cols, m.stride};
}
inline int64_t panel_count(const Panels& m, int width) { return (m.cols + width - 1) / width; }
inline Panels panel_of(const Panels& m, int width, int64_t panel) {
  return {m.data + panel * m.stride, m.rows, std::min<int64_t>(width, m.cols - panel * width), m.stride};
}

// Calls visit(pointer, offset, count) for each stretch of columns [first, first + count) of a row that lies in one
// panel.
template <class Visit>
void along_row(const Panels& m, int width, int64_t row, int64_t first, int64_t count, const Visit& visit) {
  for (int64_t done = 0; done < count;) {
    const int64_t col = first + done, here = std::min(count - done, width - col % width);
    visit(at(m, width, row, col), done, here);
    done += here;
  }
}

}  // namespace gogepo::kernels
