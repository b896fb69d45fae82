native_test(policy_runner rollout)
native_test(observation_normalizer rollout)
native_test(thread_pool rollout)
native_test(rollout rollout)
