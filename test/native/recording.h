// The part of safetensors that test/oracle/recordings need: little-endian F64, I64 and U8 arrays, no escapes in names.
#pragma once
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "env.h"

struct RecordingFile {
  explicit RecordingFile(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(in), {});
    uint64_t size = 0;
    if (bytes_.size() < sizeof size) throw std::runtime_error("no recording: " + path);
    std::memcpy(&size, bytes_.data(), sizeof size);
    header_ = std::string(bytes_.data() + sizeof size, size);
  }

  bool has(const std::string& name) const { return header_.find("\"" + name + "\":{") != std::string::npos; }

  template <class T>
  std::vector<T> array(const std::string& name) const {
    size_t at = header_.find("\"" + name + "\":{");
    if (at == std::string::npos) throw std::runtime_error("no array " + name);
    const std::string key = "\"data_offsets\":[";
    at = header_.find(key, at) + key.size();
    size_t digits = 0;
    const size_t begin = std::stoull(header_.substr(at), &digits), end = std::stoull(header_.substr(at + digits + 1));
    std::vector<T> values((end - begin) / sizeof(T));
    std::memcpy(values.data(), bytes_.data() + sizeof(uint64_t) + header_.size() + begin, end - begin);
    return values;
  }

  // Empty if it is missing.
  std::string metadata(const std::string& name) const {
    const std::string key = "\"" + name + "\":\"";
    size_t at = header_.find(key);
    if (at == std::string::npos) return "";
    at += key.size();
    return header_.substr(at, header_.find('"', at) - at);
  }

 private:
  std::vector<char> bytes_;
  std::string header_;
};

// Whether Gymnasium has this task.
inline bool is_gymnasiums(const gogepo::EnvSpec& spec) {
  return spec.source.starts_with("https://gymnasium.farama.org/environments/");
}

inline gogepo::TaskOptionValue read_value(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  const size_t comma = text.find(',');
  if (comma == std::string::npos) return std::stod(text);
  return gogepo::Range{std::stod(text.substr(0, comma)), std::stod(text.substr(comma + 1))};
}

// "name=value name=value", the format in which recordings store a task's options
inline gogepo::TaskOptionValues read_options(const std::string& text) {
  gogepo::TaskOptionValues values;
  std::istringstream words(text);
  for (std::string word; words >> word;)
    values[word.substr(0, word.find('='))] = read_value(word.substr(word.find('=') + 1));
  return values;
}
