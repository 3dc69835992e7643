//! The compiled filter in the mock of the proxy.
