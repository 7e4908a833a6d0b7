#!/bin/sh
# Used as RUSTDOC. Only rustdoc gets the variable: if cargo had it, the build scripts that watch it
# would run again, and every dependency would be compiled twice.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
