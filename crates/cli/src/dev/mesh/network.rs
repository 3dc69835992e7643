//! Two networks, public and data, and one machine with a leg in each.
//!
//! As root the machine of the gateway and the data network are network namespaces: from the public side, which is this machine itself, no packet finds a way to Postgres but
//! through the gateway's Envoy. For everybody else all of it is loopback, and the separation is only drawn.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{self, Command};

use nix::unistd::Uid;
use service::Failure;

use crate::dev::job;

/// What every name of ours begins with.
const PREFIX: &str = "hashicoin-";

/// Where a part runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// The public side: browsers, the gateway, api, mint, ledger, Redis, Vault.
    Public,
    /// The terminating gateway, with a leg in each network.
    Pci,
    /// Postgres.
    Data,
    /// Where Nomad runs parts as jobs, each in a network of its own behind this machine's. On the public side.
    Apps,
}

/// The networks of one mesh; gone when this is dropped.
pub struct Network {
    /// The last part but one of its addresses.
    number: u8,
    /// Whether there are namespaces.
    separate: bool,
    /// Whether there is a machine for Nomad's jobs.
    has_apps: bool,
}

impl Network {
    /// Makes the networks, as root. `number` is no other mesh's.
    ///
    /// # Errors
    ///
    /// When the system does not let it.
    pub fn set_up(number: u8, has_apps: bool) -> Result<Network, Failure> {
        let separate = Uid::effective().is_root();
        if has_apps && !separate {
            return Err(Failure::Refused(
                "Nomad gives each job a network of its own, and only root can: run this as root, or leave --nomad away"
                    .to_owned(),
            ));
        }
        let network = Network {
            number,
            separate,
            has_apps,
        };
        if separate {
            remove_what_was_left()?;
            network.make()?;
        }
        Ok(network)
    }

    /// Networks that are not made.
    #[cfg(test)]
    pub fn for_tests() -> Network {
        Network {
            number: 0,
            separate: false,
            has_apps: false,
        }
    }

    /// Whether the data network is out of the public side's reach.
    pub fn is_separate(&self) -> bool {
        self.separate
    }

    /// Consul's server, on the public side. Addresses are of the block for benchmarks (RFC 2544): no network has them.
    pub fn server(&self) -> Ipv4Addr {
        self.address(198, 18, 1)
    }

    /// The gateway's machine, in the public network.
    pub fn pci_public(&self) -> Ipv4Addr {
        self.address(198, 18, 2)
    }

    /// The machine of Nomad's jobs, in the public network.
    pub fn apps(&self) -> Ipv4Addr {
        self.address(198, 18, 3)
    }

    /// The gateway's machine, in the data network.
    pub fn pci_data(&self) -> Ipv4Addr {
        self.address(198, 19, 1)
    }

    /// Postgres, in the data network.
    pub fn postgres(&self) -> Ipv4Addr {
        self.address(198, 19, 2)
    }

    fn address(&self, first: u8, second: u8, last: u8) -> Ipv4Addr {
        if self.separate {
            Ipv4Addr::new(first, second, self.number, last)
        } else {
            Ipv4Addr::LOCALHOST
        }
    }

    /// The namespace of a machine, if it has one.
    pub fn namespace(&self, machine: Machine) -> Option<String> {
        let name = match machine {
            Machine::Public => return None,
            Machine::Pci => "pci",
            Machine::Data => "data",
            Machine::Apps => "apps",
        };
        self.separate.then(|| format!("{PREFIX}{}-{name}", process::id()))
    }

    /// A program on a machine.
    pub fn command(&self, machine: Machine, program: &Path) -> Command {
        match self.namespace(machine) {
            None => Command::new(program),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", &namespace]).arg(program);
                command
            }
        }
    }

    /// The machine of Nomad's jobs, with the public network as a bridge in it, to which `link` of this machine and the gateway's machine are connected. Not on this machine:
    /// its firewall, and the one that Nomad makes for its jobs, are not each other's business.
    fn make_apps(&self, link: &str, pci: &str) -> Result<(), Failure> {
        let apps = self.namespace(Machine::Apps).unwrap_or_default();
        ip(&["netns", "add", &apps])?;
        ip(&["-n", &apps, "link", "add", "public", "type", "bridge"])?;
        ip(&[
            "link", "add", link, "type", "veth", "peer", "name", "site", "netns", &apps,
        ])?;
        ip(&[
            "-n", &apps, "link", "add", "pci", "type", "veth", "peer", "name", "public", "netns", pci,
        ])?;
        for port in ["site", "pci"] {
            ip(&["-n", &apps, "link", "set", port, "master", "public", "up"])?;
        }
        ip(&[
            "-n",
            &apps,
            "address",
            "add",
            &format!("{}/29", self.apps()),
            "dev",
            "public",
        ])?;
        for device in ["lo", "public"] {
            ip(&["-n", &apps, "link", "set", device, "up"])?;
        }
        Ok(())
    }

    fn make(&self) -> Result<(), Failure> {
        let (pci, data) = (
            self.namespace(Machine::Pci).unwrap_or_default(),
            self.namespace(Machine::Data).unwrap_or_default(),
        );
        let link = link(process::id());
        let leg = |address: Ipv4Addr| format!("{address}/29");
        ip(&["netns", "add", &pci])?;
        ip(&["netns", "add", &data])?;
        if self.has_apps {
            self.make_apps(&link, &pci)?;
        } else {
            ip(&[
                "link", "add", &link, "type", "veth", "peer", "name", "public", "netns", &pci,
            ])?;
        }
        ip(&[
            "-n", &pci, "link", "add", "data", "type", "veth", "peer", "name", "pci", "netns", &data,
        ])?;
        ip(&["address", "add", &leg(self.server()), "dev", &link])?;
        ip(&["-n", &pci, "address", "add", &leg(self.pci_public()), "dev", "public"])?;
        ip(&["-n", &pci, "address", "add", &leg(self.pci_data()), "dev", "data"])?;
        ip(&["-n", &data, "address", "add", &leg(self.postgres()), "dev", "pci"])?;
        ip(&["link", "set", &link, "up"])?;
        for (namespace, device) in [
            (&pci, "lo"),
            (&pci, "public"),
            (&pci, "data"),
            (&data, "lo"),
            (&data, "pci"),
        ] {
            ip(&["-n", namespace, "link", "set", device, "up"])?;
        }
        // A new namespace does what its maker does. This one must not pass packets on, whatever the machine does for others.
        let forward = "echo 0 > /proc/sys/net/ipv4/ip_forward";
        let mut forward_nothing = self.command(Machine::Pci, Path::new("sh"));
        job::run("turn forwarding off", forward_nothing.args(["-c", forward]))?;
        // Without it a packet for the data network would leave by this machine's default route. A mesh that was killed has left its own behind, perhaps this very one.
        ip(&["route", "replace", "unreachable", &data_network(self.number)])
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if self.separate {
            let _ = ip(&["route", "del", "unreachable", &data_network(self.number)]);
            remove(process::id());
        }
    }
}

fn data_network(number: u8) -> String {
    format!("198.19.{number}.0/30")
}

/// The public leg's end on this machine. A device's name has at most 15 bytes.
fn link(process: u32) -> String {
    format!("hc{process}")
}

fn ip(arguments: &[&str]) -> Result<(), Failure> {
    let what = format!("`ip {}`", arguments.join(" "));
    job::run(&what, Command::new("ip").args(arguments))
        .map(drop)
        .map_err(|failure| {
            Failure::CouldNot(format!(
                "{failure}As root the networks of the mesh are namespaces, and need iproute2 and the right to make them (CAP_NET_ADMIN, CAP_SYS_ADMIN)"
            ))
        })
}

/// Removes what a mesh made, in the order in which nothing holds anything else. Errors mean that it is not there.
fn remove(owner: u32) {
    let _ = ip(&["link", "del", &link(owner)]);
    for name in ["pci", "data", "apps"] {
        let _ = ip(&["netns", "del", &format!("{PREFIX}{owner}-{name}")]);
    }
}

/// Removes the networks of meshes that were killed: their names say whose they are, and the owner is gone.
fn remove_what_was_left() -> Result<(), Failure> {
    let list = job::run("`ip netns list`", Command::new("ip").args(["netns", "list"]))?;
    for owner in owners(&String::from_utf8_lossy(&list)) {
        if !fs::exists(format!("/proc/{owner}")).unwrap_or(true) {
            remove(owner);
        }
    }
    Ok(())
}

/// The process ids in a list of namespaces.
fn owners(list: &str) -> Vec<u32> {
    list.lines()
        .filter_map(|line| line.strip_prefix(PREFIX)?.split('-').next()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::owners;

    #[test]
    fn a_namespace_says_whose_it_is() {
        assert_eq!(
            owners("hashicoin-12-pci (id: 1)\nhashicoin-12-data\nhashicoin-x-pci\nother-7-pci\n"),
            [12, 12]
        );
    }
}
