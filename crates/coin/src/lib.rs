//! The coin: its format, its keyring, its verification and the reasons to refuse it.
