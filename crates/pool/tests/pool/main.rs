//! The pool's tests, on a real Redis.

mod on_redis;
