//! The only folder that knows JavaScript.
