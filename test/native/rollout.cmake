native_test(rollout rollout)
native_test(growth rollout)
