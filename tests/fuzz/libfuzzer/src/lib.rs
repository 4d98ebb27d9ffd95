//! Nothing of its own: `tests/fuzz/run` takes libfuzzer.a from the build of its dependency.
