# The addon once more, from the same objects, with napi_guard.cc between it and Node-API. Built only by name:
# `ninja -C build engine_guarded`.
set(guarded ${PROJECT_BINARY_DIR}/sanitize/napi/build/Release)
add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/napi_functions.inc DEPENDS engine VERBATIM
  COMMAND sh -c "nm -D --undefined-only \"$1\" | grep -oE '(napi|node_api)_[a-z0-9_]+' | grep -vE '(call|acquire|release)_threadsafe_function|module_register|fatal_error' | sort -u | sed 's/.*/GUARD(&)/' > \"$2\""
    nm $<TARGET_FILE:engine> ${CMAKE_CURRENT_BINARY_DIR}/napi_functions.inc)
add_library(engine_guarded MODULE EXCLUDE_FROM_ALL
  napi_guard.cc ${CMAKE_CURRENT_BINARY_DIR}/napi_functions.inc $<TARGET_OBJECTS:engine>)
target_include_directories(engine_guarded PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(engine_guarded PRIVATE algorithms reference_algorithms gogepo rollout env policy threads)
target_link_options(engine_guarded PRIVATE -Wl,-z,nodelete -Wl,--as-needed)
set_target_properties(engine_guarded PROPERTIES PREFIX "" OUTPUT_NAME gogepo-engine.torch${torch_minor} SUFFIX .so
  LIBRARY_OUTPUT_DIRECTORY ${guarded})
add_custom_command(TARGET engine_guarded POST_BUILD
  COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:loader> ${guarded}/gogepo.node)
add_dependencies(engine_guarded loader)
if(TARGET cuda_part)
  add_custom_command(TARGET engine_guarded POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:cuda_part> ${guarded})
  add_dependencies(engine_guarded cuda_part)
endif()
