# LibTorch's C++ interface changes between minor versions, so libraries built for one carry its number.
file(READ ${GOGEPO_LIBTORCH}/include/torch/headeronly/version.h torch_version)
string(REGEX MATCH "TORCH_VERSION_MAJOR ([0-9]+)" _ "${torch_version}")
set(torch_minor ${CMAKE_MATCH_1})
string(REGEX MATCH "TORCH_VERSION_MINOR ([0-9]+)" _ "${torch_version}")
string(APPEND torch_minor .${CMAKE_MATCH_1})
