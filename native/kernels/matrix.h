// A matrix in panels (see kernels.h) that owns its memory, and views of parts of it.
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

// `cols` rounded up to whole panels.
inline int64_t padded(int64_t cols, int width) { return (cols + width - 1) / width * width; }

// Bytes held by all AlignedBuffers in this process.
inline std::atomic<int64_t> bytes_in_use{0};

struct FreeBuffer {
  int64_t bytes = 0;
  void operator()(float* p) const {
    std::free(p);
    bytes_in_use -= bytes;
  }
};

// Zero-initialized floats, aligned to cache lines. Because padding is zeroed, arithmetic on it stays finite; its
// results are never read.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(int64_t size) {
    const size_t bytes = size_t(std::max<int64_t>(size, 1) * 4 + 63) / 64 * 64;
    data_ = {static_cast<float*>(std::aligned_alloc(64, bytes)), FreeBuffer{int64_t(bytes)}};
    if (!data_) throw std::bad_alloc();
    bytes_in_use += int64_t(bytes);
    std::memset(data_.get(), 0, bytes);
  }
  float* data() const { return data_.get(); }

 private:
  std::unique_ptr<float, FreeBuffer> data_;
};

class Matrix {
 public:
  Matrix() = default;
  Matrix(int width, int64_t rows, int64_t cols)
      : memory_(rows * padded(cols, width)), panels_{memory_.data(), rows, cols, rows * width} {}
  operator const Panels&() const { return panels_; }
  const Panels* operator->() const { return &panels_; }

 private:
  AlignedBuffer memory_;
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

// Splits columns [first, first + count) of a row at panel boundaries. Calls visit(pointer, offset, count) for each
// span.
template <class Visit>
void for_each_span(const Panels& m, int width, int64_t row, int64_t first, int64_t count, const Visit& visit) {
  for (int64_t done = 0; done < count;) {
    const int64_t col = first + done, here = std::min(count - done, width - col % width);
    visit(at(m, width, row, col), done, here);
    done += here;
  }
}

}  // namespace gogepo::kernels
