native_test(kernels kernels random)
