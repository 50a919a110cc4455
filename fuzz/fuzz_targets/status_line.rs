#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sgtk_python::fuzzing::status_line(data));
