#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sgtk_python::fuzzing::site_reply(data));
