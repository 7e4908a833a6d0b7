//! The command line. Native only.
