# What an addon of Node needs: the headers from node_modules, Node-API 9, C++ exceptions, and no way out of the process once in.
set(node_modules ${PROJECT_SOURCE_DIR}/node_modules)
add_library(napi INTERFACE)
target_include_directories(napi SYSTEM INTERFACE ${node_modules}/node-addon-api ${node_modules}/node-api-headers/include)
target_compile_definitions(napi INTERFACE
  NAPI_VERSION=9
  NODE_ADDON_API_CPP_EXCEPTIONS_ALL           # any C++ exception that leaves a method becomes a JavaScript error
  NODE_ADDON_API_DISABLE_DEPRECATED
  NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS)    # a worker that is being terminated can no longer be told

# node_addon(name sources...): a library that Node opens, in build/Release. The environment that loaded it may end (a worker);
# its code stays, since threads of ours and of LibTorch may still be inside (nodelete). Without RPATH: what it needs is in the process.
function(node_addon name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE napi)
  target_link_options(${name} PRIVATE -Wl,-z,nodelete -Wl,--as-needed)
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/Release)
endfunction()
