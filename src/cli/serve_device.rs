//! `saddle serve-device`: this machine's graphics processor for notebooks on another machine.

use super::{CommandStatus, print_all};
use clap::Args;
use saddle_component::BURN;
use saddle_fault::{Fault, Kind, Result};
use saddle_remote::{FEWEST_LETTERS, SCHEME, Server, TOKEN, fresh_token, serve};
use saddle_tensor::{Device, device};
use std::net::TcpListener;

#[derive(Args)]
pub struct Options {
    /// Where to listen; the default is reached from this machine alone, and from others through `ssh -L`.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7070")]
    listen: String,
    /// What clients have to know; better in the environment variable SADDLE_DEVICE_TOKEN, since others see command
    /// lines. Without any, one is made and printed.
    #[arg(long)]
    token: Option<String>,
    /// The device for clients that name none.
    #[arg(long, default_value = "wgpu")]
    device: String,
}

/// What the adapter is, where it is one.
fn detail(device: &Device) -> String {
    let adapters = if matches!(device, Device::Wgpu(_)) { device::list() } else { Vec::new() };
    let own = adapters.into_iter().find(|info| info.name == device.to_string());
    own.map_or_else(String::new, |info| format!(" ({})", info.detail))
}

pub fn serve_device(options: &Options) -> Result<CommandStatus> {
    let given = options.token.clone().or_else(|| std::env::var(TOKEN).ok()).filter(|token| !token.is_empty());
    if given.as_ref().is_some_and(|token| token.chars().count() < FEWEST_LETTERS) {
        return Err(Fault::value(format!("serve-device: a token needs at least {FEWEST_LETTERS} letters"))
            .hint("without --token a good one is made"));
    }
    let wants_library = options.device != "cpu" && !options.device.contains("://");
    if !wants_library {
        return Err(Fault::new(Kind::Device, format!("serve-device: \"{}\" cannot be served", options.device)).hint(
            "wgpu, ndarray or cuda; for the processor of another machine, run the kernel there: `saddle lab --gateway-url` or SSH",
        ));
    }
    if device::needs_library(&options.device) && saddle_backend::find()?.is_none() {
        saddle_component::build_telling(&BURN, "serve-device", &mut |line| {
            if let Some(line) = line {
                eprintln!("{line}");
            }
            true
        })?;
    }
    let device = Device::parse(&options.device)?;
    let library = saddle_backend::library()?;
    let listener = TcpListener::bind(&options.listen).map_err(|e| {
        Fault::new(Kind::Device, format!("serve-device: {} cannot be listened on: {e}", options.listen))
            .hint("--listen HOST:PORT takes an address of this machine and a free port; 0 chooses one")
    })?;
    let address = listener.local_addr().map_or_else(|_| options.listen.clone(), |address| address.to_string());
    let detail = detail(&device);
    print_all(&format!("serving {device}{detail} at {address}\n"));
    if !listener.local_addr().is_ok_and(|address| address.ip().is_loopback()) {
        eprintln!(
            "serve-device: what crosses is not encrypted: on a network that others use, listen on 127.0.0.1 and use `ssh -L`"
        );
    }
    let is_new = given.is_none();
    let token = given.unwrap_or_else(fresh_token);
    let shown = if is_new { token.as_str() } else { "…" };
    print_all(&format!("in the notebook: device(\"{SCHEME}{address}\"), with {TOKEN}={shown} in its environment\n"));
    let server = Server { library, device: options.device.clone(), token };
    serve(&listener, server, |line| print_all(&format!("{line}\n")))
        .map_err(|e| Fault::new(Kind::Device, format!("serve-device: {e}")))?;
    Ok(CommandStatus::Done)
}
