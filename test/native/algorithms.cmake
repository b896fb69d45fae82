native_test(ars algorithms)
