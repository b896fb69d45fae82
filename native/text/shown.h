// How a number reads in a message.
#pragma once
#include <string>

namespace gogepo {

// The fewest digits from which it is read again, of a number of single precision as such; NaN and Infinity as in
// JavaScript.
std::string shown(double value);

}  // namespace gogepo
