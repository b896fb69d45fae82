native_test(env env)
native_test(mujoco_env env mujoco)
native_test(replay env)
target_compile_definitions(replay_test PRIVATE RECORDINGS="${PROJECT_SOURCE_DIR}/test/oracle/recordings")
