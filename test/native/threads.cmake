native_test(thread_pool threads)
