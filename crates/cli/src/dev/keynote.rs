//! The keynote: the steps that were shown on a stage, walked on the running mesh, each with the commands that a person would type and what must follow from them.
//!
//! A step that does not end as it must ends the walk: the ones after it stand on it. What was seen until then is told all the same.

mod coins;
mod curve;
mod jobs;
mod report;
mod scaling;
mod votes;
mod ways;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use coin::SignedCoin;
use serde_json::{Value, json};
use service::Failure;

use super::addresses;
use super::data::Data;
use super::memory;
use super::mesh::Tools;
use super::stage::Stage;
use super::stop::Stop;

/// A step's name, and what is done.
type Step = (&'static str, fn(&mut Walk<'_>) -> Result<(), Failure>);

const STEPS: [Step; 10] = [
    ("a key that never leaves Vault", coins::key),
    ("who may sign, and how", coins::policies),
    ("one coin by hand, and its trace in the audit log", coins::by_hand),
    ("coins by the batch, mined by a job", jobs::mine),
    ("what the mesh sees", votes::metrics),
    ("more of the API, and fewer again", scaling::scale),
    ("the coin is verified", coins::verify),
    (
        "who may speak to whom; without the terminating gateway the ledger waits, with it the queue drains",
        ways::ways,
    ),
    ("votes for one, all and some; forged and double ones", votes::votes),
    (
        "percentages, the donation's parts, and an outsider's audit",
        votes::outcome,
    ),
];

/// Walks all steps; gives what each did and asserted, for machines and for the report, and whether all held.
///
/// The failure is [`Failure::Refused`] when a step did not end as it must, [`Failure::CouldNot`] when a part does not answer.
pub fn walk(
    stage: &mut Stage,
    data: &Data,
    tools: &Tools,
    campaign: &str,
    stop: &Stop,
    say: &dyn Fn(&str),
) -> (Value, Result<(), Failure>) {
    let addresses = addresses::to_json(data, stage.front.base());
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
        tally: Value::Null,
        audit: Value::Null,
    };
    let (mut steps, mut failed) = (Vec::new(), None);
    let (began, mut memory_max) = (Instant::now(), 0);
    for (number, (name, step)) in STEPS.iter().enumerate() {
        say(&format!("{:>2}  {name}", number + 1));
        let step_began = Instant::now();
        let walked = step(&mut walk);
        memory_max = memory_max.max(memory::taken());
        steps.push(json!({
            "name": name,
            "commands": std::mem::take(&mut walk.commands),
            "asserted": std::mem::take(&mut walk.asserted),
            "seconds": step_began.elapsed().as_secs_f64(),
        }));
        if let Err(failure) = walked {
            failed = Some((*name, failure));
            break;
        }
    }
    let mut told = json!({
        "ok": failed.is_none(),
        "steps": steps,
        "seconds": began.elapsed().as_secs_f64(),
        "memory_bytes_max": memory_max,
        "curve": walk.curve,
        "tally": walk.tally,
        "audit": walk.audit,
        "addresses": addresses,
    });
    let Some((name, failure)) = failed else {
        return (told, Ok(()));
    };
    told["failed"] = json!(name);
    told["error"] = json!(failure.to_string());
    (told, Err(failure))
}

/// Writes down what [`walk`] gave, as a page for people.
///
/// # Errors
///
/// When the disk refuses.
pub fn write_report(file: &Path, told: &Value) -> Result<(), Failure> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory).map_err(|error| Failure::io("create", directory, &error))?;
    }
    fs::write(file, report::page(told)).map_err(|error| Failure::io("write", file, &error))
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
    /// Who has which share at the end.
    tally: Value,
    /// What the stranger's audit said.
    audit: Value,
}

impl Walk<'_> {
    /// Tells a command as a person would type it, and gives that.
    fn tell(&mut self, command: &Command) -> String {
        let name = Path::new(command.get_program()).file_name().unwrap_or_default();
        let mut typed = name.to_string_lossy().into_owned();
        for argument in command.get_args() {
            typed.push(' ');
            typed.push_str(&argument.to_string_lossy());
        }
        (self.say)(&format!("    $ {typed}"));
        self.commands.push(typed.clone());
        typed
    }

    /// Runs a command, whatever comes of it, and tells it as a person would type it.
    fn run(&mut self, command: &mut Command) -> Result<Output, Failure> {
        self.run_with(command, "")
    }

    /// The same, with something to read: what is secret, since everybody on the machine can read arguments.
    fn run_with(&mut self, command: &mut Command, input: &str) -> Result<Output, Failure> {
        let typed = self.tell(command);
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
        addresses::of_part(self.data, part)
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

    /// Consul's client, with the token that may do everything.
    fn consul(&self) -> Result<Command, Failure> {
        let mut consul = Command::new(&self.tools.consul);
        consul.env("CONSUL_HTTP_ADDR", self.address("consul")?);
        consul.env("CONSUL_HTTP_TOKEN_FILE", self.data.join("consul/tokens/bootstrap"));
        Ok(consul)
    }

    /// Prometheus' client, with a question: it answers in JSON.
    fn prometheus(&self, query: &str) -> Result<Command, Failure> {
        let Some(nomad) = &self.tools.nomad else {
            return Err(Failure::CouldNot("there is no Nomad, which runs Prometheus".to_owned()));
        };
        let mut promtool = Command::new(&nomad.promtool);
        promtool.args(["query", "instant", "-o", "json"]);
        promtool.arg(self.address("prometheus")?).arg(query);
        Ok(promtool)
    }

    /// This very program.
    fn hashicoin() -> Result<Command, Failure> {
        std::env::current_exe()
            .map(Command::new)
            .map_err(|error| Failure::CouldNot(format!("could not find this program itself: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{STEPS, walk};
    use crate::dev::data::Data;
    use crate::dev::mesh::Tools;
    use crate::dev::readings::GateMetrics;
    use crate::dev::stage::Stage;
    use crate::dev::stop::Stop;
    use crate::dev::wait::Watched;
    use crate::http::{Base, Client};
    use service::Failure;

    struct Nothing;

    impl Watched for Nothing {
        fn still_runs(&mut self) -> Result<(), Failure> {
            Ok(())
        }

        fn last_words(&self) -> String {
            String::new()
        }
    }

    /// Without a mesh the first step fails, and the others are not tried.
    #[test]
    fn a_walk_that_fails_tells_where_and_why() {
        let data = Data::create(None).unwrap();
        let client = || Client::new(Base::local(1));
        let mut stage = Stage {
            parts: Box::new(Nothing),
            front: client(),
            api: client(),
            gate: GateMetrics::of_listener(client()),
        };
        let tools = Tools {
            consul: PathBuf::new(),
            vault: PathBuf::new(),
            postgres: PathBuf::new(),
            initdb: PathBuf::new(),
            psql: PathBuf::new(),
            redis: PathBuf::new(),
            prometheus: None,
            nomad: None,
            path: "".into(),
        };
        let (told, walked) = walk(&mut stage, &data, &tools, "c", &Stop::never(), &|_| ());
        let error = walked.unwrap_err().to_string();
        assert!(error.contains("mesh.json"), "{error}");
        assert_eq!(told["ok"], false);
        assert_eq!(told["failed"], STEPS[0].0);
        assert_eq!(told["error"], error);
        assert_eq!(told["steps"].as_array().map(Vec::len), Some(1));
    }
}
