//! The cases every adapter must pass.
