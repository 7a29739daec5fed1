//! Generates the protobuf types, with a compiler in pure Rust so that nothing must be installed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = protox::compile(["proto/hushwire/v2/wire.proto"], ["proto"])?;
    // `Bytes` everywhere: decoding a frame then shares its buffer instead of copying each body.
    prost_build::Config::new().bytes(["."]).compile_fds(files)?;
    Ok(())
}
