native_test(actor policy)
native_test(observation_normalizer policy)
