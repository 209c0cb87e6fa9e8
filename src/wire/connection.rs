//! The connection file: where a client expects the kernel's five sockets, and the key that both sign with.

use std::path::Path;

use serde::{Deserialize, Serialize};

use saddle_fault::{Fault, Result};

/// A connection file as Jupyter writes it.
///
/// ```json
/// {"transport": "tcp", "ip": "127.0.0.1", "key": "a0436f6c-…", "signature_scheme": "hmac-sha256",
///  "shell_port": 57503, "control_port": 50160, "stdin_port": 52597, "iopub_port": 40885, "hb_port": 42540}
/// ```
#[derive(Clone, Debug, Deserialize)]
pub struct Connection {
    /// How the sockets are reached.
    #[serde(default = "tcp")]
    pub transport: Transport,
    /// An address (`tcp`) or the beginning of a path (`ipc`); this machine alone, where the file says nothing.
    #[serde(default = "loopback")]
    pub ip: String,
    /// The key of the signatures; empty means that messages are not signed.
    #[serde(default)]
    pub key: String,
    #[serde(default = "hmac_sha256")]
    signature_scheme: String,
    /// Their ports.
    #[serde(flatten)]
    pub ports: Ports,
}

/// The ports of the five sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Ports {
    /// Requests in their order.
    #[serde(rename = "shell_port")]
    pub shell: u16,
    /// Interrupt and shutdown.
    #[serde(rename = "control_port")]
    pub control: u16,
    /// Questions to the person.
    #[serde(rename = "stdin_port")]
    pub stdin: u16,
    /// What all clients see.
    #[serde(rename = "iopub_port")]
    pub iopub: u16,
    /// Whether the kernel lives.
    #[serde(rename = "hb_port")]
    pub heartbeat: u16,
}

/// How the sockets are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Ports of an address.
    Tcp,
    /// Files of the local machine.
    Ipc,
}

fn tcp() -> Transport {
    Transport::Tcp
}

fn loopback() -> String {
    "127.0.0.1".to_string()
}

fn hmac_sha256() -> String {
    "hmac-sha256".to_string()
}

impl Connection {
    /// Reads a connection file.
    ///
    /// # Errors
    /// `FileError` where the file cannot be read, is not a connection file, asks for signatures other than HMAC-SHA256,
    /// or leaves a port open (0).
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Fault::file(format!("connection file {shown}: {error}"))
                .hint("Jupyter writes this file when it starts a kernel")
        })?;
        Self::parse(&text).map_err(|message| Fault::file(format!("connection file {shown}: {message}")))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let connection: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if !connection.key.is_empty() && connection.signature_scheme != hmac_sha256() {
            return Err(format!("signature scheme {:?}; only \"hmac-sha256\" is known", connection.signature_scheme));
        }
        let ports = connection.ports;
        let ports = [
            ("shell_port", ports.shell),
            ("control_port", ports.control),
            ("stdin_port", ports.stdin),
            ("iopub_port", ports.iopub),
            ("hb_port", ports.heartbeat),
        ];
        match ports.iter().find(|(_, port)| *port == 0) {
            Some((name, _)) => Err(format!("{name} is 0; the client has to choose the ports")),
            None => Ok(connection),
        }
    }

    /// The libzmq address of one of the ports.
    pub fn address(&self, port: u16) -> String {
        match self.transport {
            Transport::Tcp if self.ip.contains(':') => format!("tcp://[{}]:{port}", self.ip),
            Transport::Tcp => format!("tcp://{}:{port}", self.ip),
            Transport::Ipc => format!("ipc://{}-{port}", self.ip),
        }
    }

    /// Whether the address is of IP version 6.
    pub fn is_ipv6(&self) -> bool {
        self.transport == Transport::Tcp && self.ip.contains(':')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: &str = r#""shell_port": 1, "control_port": 2, "stdin_port": 3, "iopub_port": 4, "hb_port": 5"#;

    #[test]
    fn addresses_are_those_that_jupyter_client_connects_to() {
        let tcp =
            Connection::parse(&format!(r#"{{"transport": "tcp", "ip": "127.0.0.1", "key": "k", {PORTS}}}"#)).unwrap();
        assert_eq!(tcp.address(tcp.ports.shell), "tcp://127.0.0.1:1");
        let six = Connection::parse(&format!(r#"{{"ip": "::1", {PORTS}}}"#)).unwrap();
        assert_eq!(six.address(six.ports.heartbeat), "tcp://[::1]:5");
        let ipc = Connection::parse(&format!(r#"{{"transport": "ipc", "ip": "/tmp/kernel", {PORTS}}}"#)).unwrap();
        assert_eq!(ipc.address(ipc.ports.iopub), "ipc:///tmp/kernel-4");
        // Others are not let in unless the client says so.
        let silent = Connection::parse(&format!("{{{PORTS}}}")).unwrap();
        assert_eq!(silent.address(1), "tcp://127.0.0.1:1");
    }

    #[test]
    fn a_file_that_cannot_be_honoured_is_refused_with_the_reason() {
        let md5 = format!(r#"{{"ip": "127.0.0.1", "key": "k", "signature_scheme": "hmac-md5", {PORTS}}}"#);
        assert!(Connection::parse(&md5).unwrap_err().contains("hmac-md5"));
        let open = format!(r#"{{"ip": "127.0.0.1", {}}}"#, PORTS.replace("5", "0"));
        assert!(Connection::parse(&open).unwrap_err().contains("hb_port is 0"));
        assert!(Connection::parse(r#"{"key": "k"}"#).unwrap_err().contains("shell_port"));
    }
}
