//! The `saddle` command. Only this binary sees both sides: the session (`cell`) and what drives it (`serve`, `notebook`).

mod cli;

fn main() -> std::process::ExitCode {
    #[cfg(feature = "rust-cells")]
    saddlepoint::rust::hook();
    cli::main()
}
