native_test(policy_tensors torch policy)
