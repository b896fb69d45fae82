# What a Node addon needs: the headers from node_modules, Node-API 9, and C++ exceptions.
set(node_modules ${PROJECT_SOURCE_DIR}/node_modules)
add_library(napi INTERFACE)
target_include_directories(napi SYSTEM INTERFACE
  ${node_modules}/node-addon-api ${node_modules}/node-api-headers/include)
target_compile_definitions(napi INTERFACE
  NAPI_VERSION=9
  NODE_ADDON_API_CPP_EXCEPTIONS_ALL           # any C++ exception that leaves a method becomes a JavaScript error
  NODE_ADDON_API_DISABLE_DEPRECATED
  NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS)    # a worker that is being terminated cannot receive them

# node_addon(name sources...): a library in build/Release that Node opens. It is never unloaded (nodelete): when the
# environment that opened it ends (a worker), threads of ours and of LibTorch may still be running its code. It has no
# RPATH: the libraries that it needs are already in the process. It exports only what Node calls.
function(node_addon name)
  add_library(${name} MODULE ${ARGN})
  target_link_libraries(${name} PRIVATE napi)
  target_link_options(${name} PRIVATE -Wl,-z,nodelete -Wl,--as-needed)
  export_only(${name} ${PROJECT_SOURCE_DIR}/native/node_addon.map)
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/Release)
endfunction()
