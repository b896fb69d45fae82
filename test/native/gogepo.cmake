native_test(backend gogepo)
native_test(fit gogepo)
native_test(networks gogepo)
native_test(replay_buffer gogepo)
native_test(square gogepo rollout)
# The half of device_ops.h that only a GPU would run, on a warp of threads.
native_test(device_ops gogepo)
target_sources(device_ops_test PRIVATE device_ops_warp.cc)
set_source_files_properties(device_ops_warp.cc PROPERTIES COMPILE_OPTIONS -Wno-unknown-pragmas)  # to unroll loops
