//! The keynote: the steps that were shown on a stage, walked on the running mesh, each with the commands that a person would type and what must follow from them.
//!
//! A step that does not end as it must ends the walk: the ones after it stand on it.

mod coins;
mod jobs;
mod scaling;
mod votes;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use coin::SignedCoin;
use serde_json::{Value, json};
use service::Failure;

use super::data::Data;
use super::mesh::Tools;
use super::stage::Stage;
use super::stop::Stop;

/// A step's name, and what is done.
type Step = (&'static str, fn(&mut Walk<'_>) -> Result<(), Failure>);

const STEPS: [Step; 9] = [
    ("a key that never leaves Vault", coins::key),
    ("who may sign, and how", coins::policies),
    ("one coin by hand, and its trace in the audit log", coins::by_hand),
    ("coins by the batch, mined by a job", jobs::mine),
    ("what the mesh sees", votes::metrics),
    ("more of the API, and fewer again", scaling::scale),
    ("the coin is verified", coins::verify),
    (
        "without the terminating gateway the ledger waits, with it the queue drains",
        jobs::gateway,
    ),
    (
        "votes for one, all and some; forged and double ones; and an outsider's audit",
        votes::votes,
    ),
];

/// Walks all steps; gives what each did and asserted, for machines.
///
/// # Errors
///
/// [`Failure::Refused`] when a step did not end as it must, [`Failure::CouldNot`] when a part does not answer.
pub fn walk(
    stage: &mut Stage,
    data: &Data,
    tools: &Tools,
    campaign: &str,
    stop: &Stop,
    say: &dyn Fn(&str),
) -> Result<Vec<Value>, Failure> {
    let mut walk = Walk {
        stage,
        data,
        tools,
        campaign,
        stop,
        say,
        commands: Vec::new(),
        asserted: Vec::new(),
        coin: None,
        curve: Vec::new(),
    };
    let mut steps = Vec::new();
    for (number, (name, step)) in STEPS.iter().enumerate() {
        say(&format!("{:>2}  {name}", number + 1));
        step(&mut walk)?;
        steps.push(json!({
            "name": name,
            "commands": std::mem::take(&mut walk.commands),
            "asserted": std::mem::take(&mut walk.asserted),
        }));
    }
    Ok(steps)
}

/// What the steps have in common.
struct Walk<'a> {
    stage: &'a mut Stage,
    data: &'a Data,
    tools: &'a Tools,
    campaign: &'a str,
    stop: &'a Stop,
    say: &'a dyn Fn(&str),
    /// Those of the step that is walked.
    commands: Vec<String>,
    asserted: Vec<String>,
    /// The one that was signed by hand.
    coin: Option<SignedCoin>,
    /// How the load and the numbers of instances went.
    curve: Vec<Value>,
}

impl Walk<'_> {
    /// Runs a command, whatever comes of it, and tells it as a person would type it.
    fn run(&mut self, command: &mut Command) -> Result<Output, Failure> {
        self.run_with(command, "")
    }

    /// The same, with something to read: what is secret, since everybody on the machine can read arguments.
    fn run_with(&mut self, command: &mut Command, input: &str) -> Result<Output, Failure> {
        let name = Path::new(command.get_program()).file_name().unwrap_or_default();
        let mut typed = name.to_string_lossy().into_owned();
        for argument in command.get_args() {
            typed.push(' ');
            typed.push_str(&argument.to_string_lossy());
        }
        (self.say)(&format!("    $ {typed}"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::CouldNot(format!("could not start {typed}: {error}")))?;
        if let Some(mut stdin) = child.stdin.take() {
            // Whoever does not want to read it says so by what comes of it.
            let _ = stdin.write_all(input.as_bytes());
        }
        let output = child
            .wait_with_output()
            .map_err(|error| Failure::CouldNot(format!("could not wait for {typed}: {error}")))?;
        self.commands.push(typed);
        Ok(output)
    }

    /// Runs a command that must succeed; gives what it wrote.
    fn succeed(&mut self, command: &mut Command) -> Result<String, Failure> {
        self.succeed_with(command, "")
    }

    fn succeed_with(&mut self, command: &mut Command, input: &str) -> Result<String, Failure> {
        let output = self.run_with(command, input)?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(Failure::Refused(format!(
            "the command failed: {}\n{said}",
            output.status
        )))
    }

    /// The same, of a command that answers in JSON.
    fn json(&mut self, command: &mut Command) -> Result<Value, Failure> {
        self.json_with(command, "")
    }

    fn json_with(&mut self, command: &mut Command, input: &str) -> Result<Value, Failure> {
        let said = self.succeed_with(command, input)?;
        serde_json::from_str(&said).map_err(|error| Failure::CouldNot(format!("no JSON: {error}\n{said}")))
    }

    /// What must hold.
    fn assert(&mut self, holds: bool, what: &str) -> Result<(), Failure> {
        if !holds {
            return Err(Failure::Refused(format!(
                "the keynote did not hold: not true that {what}"
            )));
        }
        (self.say)(&format!("    ok  {what}"));
        self.asserted.push(what.to_owned());
        Ok(())
    }

    /// One of the parts' addresses, out of `mesh.json`.
    fn address(&self, part: &str) -> Result<String, Failure> {
        let file = self.data.join("mesh.json");
        let text = fs::read_to_string(&file).map_err(|error| Failure::io("read", &file, &error))?;
        let mesh: Value = serde_json::from_str(&text).unwrap_or_default();
        let mut parts = mesh["parts"].as_array().into_iter().flatten();
        let found = parts.find(|candidate| candidate["name"] == part);
        let address = found.and_then(|part| part["addresses"]["http"].as_str());
        address
            .map(|address| format!("http://{address}"))
            .ok_or_else(|| Failure::CouldNot(format!("mesh.json has no address of {part}")))
    }

    fn secret(&self, name: &str) -> Result<String, Failure> {
        let file = self.data.join("secrets").join(name);
        fs::read_to_string(&file).map_err(|error| Failure::io("read", &file, &error))
    }

    /// Vault's client, with the token in one of the files of secrets.
    fn vault(&self, token: &str) -> Result<Command, Failure> {
        let mut vault = Command::new(&self.tools.vault);
        vault
            .env("VAULT_ADDR", self.address("vault")?)
            .env("VAULT_TOKEN", self.secret(token)?);
        Ok(vault)
    }

    /// Nomad's client, with the token that may do everything.
    fn nomad(&self) -> Result<Command, Failure> {
        let Some(nomad) = &self.tools.nomad else {
            return Err(Failure::CouldNot("there is no Nomad".to_owned()));
        };
        let mut command = Command::new(&nomad.nomad);
        command.env("NOMAD_ADDR", self.address("nomad-server")?);
        command.env("NOMAD_TOKEN", self.secret("nomad-bootstrap")?);
        Ok(command)
    }

    /// This very program.
    fn hashicoin() -> Result<Command, Failure> {
        std::env::current_exe()
            .map(Command::new)
            .map_err(|error| Failure::CouldNot(format!("could not find this program itself: {error}")))
    }
}
