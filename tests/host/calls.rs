//! The functions that a module may import: one table, one door.
//!
//! Every call goes through [`answer`], where it is counted, refused while the VM is restricted, or made to fail on order.

use wasmi::{Caller, Engine, Error, FuncType, Linker, Val, ValType};

use super::abi::{MapKind, Status, buffer, stream};
use super::fault::Effect;
use super::guest::{Deferred, Guest, LocalReply, VmState};
use super::header_map::HeaderMap;

type Call = fn(&mut Guest<'_>, &[u64]) -> Result<(), Status>;

/// Name, parameters (`i` is 32 bits wide, `l` 64), and what it does; `None` is a call that Envoy has and this mock does not copy.
const CALLS: [(&str, &str, Option<Call>); 37] = [
    ("proxy_add_header_map_value", "iiiii", Some(add_header_map_value)),
    ("proxy_call_foreign_function", "iiiiii", None),
    ("proxy_close_stream", "i", None),
    ("proxy_continue_stream", "i", Some(continue_stream)),
    ("proxy_define_metric", "iiii", Some(define_metric)),
    ("proxy_dequeue_shared_queue", "iii", None),
    ("proxy_done", "", None),
    ("proxy_enqueue_shared_queue", "iii", None),
    ("proxy_get_buffer_bytes", "iiiii", Some(get_buffer_bytes)),
    (
        "proxy_get_current_time_nanoseconds",
        "i",
        Some(get_current_time_nanoseconds),
    ),
    ("proxy_get_header_map_pairs", "iii", Some(get_header_map_pairs)),
    ("proxy_get_header_map_value", "iiiii", Some(get_header_map_value)),
    ("proxy_get_log_level", "i", None),
    ("proxy_get_metric", "ii", Some(get_metric)),
    ("proxy_get_property", "iiii", None),
    ("proxy_get_shared_data", "iiiii", Some(get_shared_data)),
    ("proxy_get_status", "iii", None),
    ("proxy_grpc_call", "iiiiiiiiiiii", None),
    ("proxy_grpc_cancel", "i", None),
    ("proxy_grpc_close", "i", None),
    ("proxy_grpc_send", "iiii", None),
    ("proxy_grpc_stream", "iiiiiiiii", None),
    ("proxy_http_call", "iiiiiiiiii", None),
    ("proxy_increment_metric", "il", Some(increment_metric)),
    ("proxy_log", "iii", Some(log)),
    ("proxy_record_metric", "il", Some(record_metric)),
    ("proxy_register_shared_queue", "iii", None),
    ("proxy_remove_header_map_value", "iii", Some(remove_header_map_value)),
    (
        "proxy_replace_header_map_value",
        "iiiii",
        Some(replace_header_map_value),
    ),
    ("proxy_resolve_shared_queue", "iiiii", None),
    ("proxy_send_local_response", "iiiiiiii", Some(send_local_response)),
    ("proxy_set_buffer_bytes", "iiiii", None),
    ("proxy_set_effective_context", "i", None),
    ("proxy_set_header_map_pairs", "iii", Some(set_header_map_pairs)),
    ("proxy_set_property", "iiii", None),
    ("proxy_set_shared_data", "iiiii", Some(set_shared_data)),
    ("proxy_set_tick_period_milliseconds", "i", None),
];

/// The names that a module may import from `env`, in order.
pub fn names() -> impl Iterator<Item = &'static str> {
    CALLS.iter().map(|(name, _, _)| *name)
}

/// A linker that knows exactly these functions.
pub fn linker(engine: &Engine) -> Linker<VmState> {
    let mut linker = Linker::new(engine);
    for (name, parameters, call) in CALLS {
        let types = parameters
            .bytes()
            .map(|letter| if letter == b'l' { ValType::I64 } else { ValType::I32 });
        let door = move |caller: Caller<'_, VmState>, arguments: &[Val], results: &mut [Val]| {
            results[0] = Val::I32(answer(name, call, Guest(caller), arguments)?.0.cast_signed());
            Ok(())
        };
        linker
            .func_new("env", name, FuncType::new(types, [ValType::I32]), door)
            .expect("no name stands twice in the table");
    }
    linker
}

fn answer(name: &'static str, call: Option<Call>, mut guest: Guest<'_>, arguments: &[Val]) -> Result<Status, Error> {
    if guest.state().restricted && name != "proxy_log" {
        return Err(Error::new(format!(
            "{name}: not allowed while the module starts or allocates (restricted_callback)"
        )));
    }
    // One that is not allowed is linked all the same, and answers this whatever it is asked (cpp-host/wasm.cc, `registerCallbacks`; exports.h).
    if !guest.state().is_allowed(name) {
        return Ok(Status::INTERNAL_FAILURE);
    }
    let arguments: Vec<u64> = arguments.iter().map(number).collect();
    let effect = {
        let mut shared = guest.state().process.lock();
        *shared.calls.entry(name).or_default() += 1;
        shared.faults.strike(name)
    };
    let outcome = match (effect, call) {
        (Some(Effect::Status(status)), _) => Err(Status(status)),
        (Some(Effect::Bytes(bytes)), _) => {
            let [.., return_data, return_size] = arguments[..] else {
                return Err(Error::new(format!(
                    "{name}: hands no bytes over, so that fault does not fit"
                )));
            };
            guest.hand_over(&bytes, return_data, return_size)
        }
        (None, Some(call)) => call(&mut guest, &arguments),
        (None, None) => return Err(Error::new(format!("{name}: this mock does not copy it"))),
    };
    Ok(outcome.err().unwrap_or(Status::OK))
}

fn number(value: &Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(value.cast_unsigned()),
        Val::I64(value) => value.cast_unsigned(),
        _ => unreachable!("the table has no other types"),
    }
}

fn small(argument: u64) -> u32 {
    u32::try_from(argument).expect("a parameter of 32 bits")
}

fn log(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    const LEVEL_MAX: u64 = 5;
    let line = guest.read(arguments[1], arguments[2])?;
    if arguments[0] > LEVEL_MAX {
        return Err(Status::BAD_ARGUMENT);
    }
    guest.state().process.lock().log.push((small(arguments[0]), line));
    Ok(())
}

fn get_current_time_nanoseconds(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let now = guest.state().process.lock().now_unix_ns;
    guest.write(arguments[0], &now.to_le_bytes())
}

/// cpp-host/exports.cc, `get_buffer_bytes`; context.cc, `getBuffer`.
fn get_buffer_bytes(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let [kind, start, size_max, return_data, return_size] = arguments[..] else {
        return Err(Status::BAD_ARGUMENT);
    };
    let state = guest.state();
    let bytes = match small(kind) {
        buffer::VM_CONFIGURATION => Vec::new(),
        buffer::PLUGIN_CONFIGURATION => state.plugin_configuration.clone().ok_or(Status::NOT_FOUND)?,
        kind @ (buffer::REQUEST_BODY | buffer::RESPONSE_BODY) => {
            state.context().bodies.get(&kind).cloned().unwrap_or_default()
        }
        kind if kind > buffer::MAX => return Err(Status::BAD_ARGUMENT),
        _ => return Err(Status::NOT_FOUND),
    };
    let start = usize::try_from(start).map_or(bytes.len(), |start| start.min(bytes.len()));
    let end = usize::try_from(size_max).map_or(bytes.len(), |size| start.saturating_add(size).min(bytes.len()));
    guest.hand_over(&bytes[start..end], return_data, return_size)
}

fn map_kind(argument: u64) -> Result<MapKind, Status> {
    let kind = small(argument);
    if kind > MapKind::MAX {
        Err(Status::BAD_ARGUMENT)
    } else {
        Ok(MapKind(kind))
    }
}

/// Never BadArgument for a map out of its phase: OK, and nothing in it (context.cc, `getHeaderMapPairs`). Whoever takes that for a request without headers
/// has been told so by the proxy.
fn get_header_map_pairs(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let kind = map_kind(arguments[0])?;
    let bytes = guest
        .state()
        .context()
        .readable(kind)
        .map(HeaderMap::marshal)
        .unwrap_or_default();
    guest.hand_over(&bytes, arguments[1], arguments[2])
}

fn get_header_map_value(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let kind = map_kind(arguments[0])?;
    let name = guest.read(arguments[1], arguments[2])?;
    let context = guest.state().context();
    let map = context.readable(kind).ok_or(context.absence())?;
    let value = map.first(&name).ok_or(Status::NOT_FOUND)?.to_vec();
    guest.hand_over(&value, arguments[3], arguments[4])
}

fn set_header_map_pairs(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let kind = map_kind(arguments[0])?;
    let lines = HeaderMap::unmarshal(&guest.read(arguments[1], arguments[2])?);
    *guest.state().context().writable(kind)? = lines;
    Ok(())
}

fn add_header_map_value(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let kind = map_kind(arguments[0])?;
    let (name, value) = (
        guest.read(arguments[1], arguments[2])?,
        guest.read(arguments[3], arguments[4])?,
    );
    guest.state().context().writable(kind)?.add(&name, &value);
    Ok(())
}

fn replace_header_map_value(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let kind = map_kind(arguments[0])?;
    let (name, value) = (
        guest.read(arguments[1], arguments[2])?,
        guest.read(arguments[3], arguments[4])?,
    );
    guest.state().context().writable(kind)?.set(&name, &value);
    Ok(())
}

fn remove_header_map_value(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let kind = map_kind(arguments[0])?;
    let name = guest.read(arguments[1], arguments[2])?;
    guest.state().context().writable(kind)?.remove(&name);
    Ok(())
}

/// Answers nobody yet: the reply goes out once the callback has returned, and what the callback returns no longer counts. In a root context it says OK and
/// does nothing (cpp-host/exports.cc and context.cc, `sendLocalResponse`).
fn send_local_response(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    const GRPC_STATUS_MAX: u32 = 16;
    let reply = LocalReply {
        status: small(arguments[0]),
        details: String::from_utf8_lossy(&guest.read(arguments[1], arguments[2])?).replace(' ', "_"),
        body: guest.read(arguments[3], arguments[4])?,
        headers: HeaderMap::unmarshal(&guest.read(arguments[5], arguments[6])?),
        grpc_status: Some(small(arguments[7])).filter(|status| *status <= GRPC_STATUS_MAX),
    };
    let state = guest.state();
    state.stop_iteration = true;
    if state.context().is_stream {
        state.deferred.push_back(Deferred::Reply(state.current, reply));
    }
    Ok(())
}

/// Either way the request's maps are gone at once (context.cc, `continueStream`).
fn continue_stream(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    match arguments[0] {
        stream::REQUEST | stream::RESPONSE => {}
        way if way > stream::MAX => return Err(Status::BAD_ARGUMENT),
        _ => return Ok(()),
    }
    let state = guest.state();
    state.context().hide(MapKind::REQUEST_HEADERS);
    state.context().hide(MapKind::REQUEST_TRAILERS);
    if arguments[0] == stream::REQUEST && state.context().is_stream {
        state.deferred.push_back(Deferred::ContinueRequest(state.current));
    }
    Ok(())
}

fn define_metric(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let name = guest.read(arguments[1], arguments[2])?;
    let name = String::from_utf8_lossy(&name);
    let state = guest.state();
    let id = state
        .metric_ids
        .define(&mut state.process.lock().stats, small(arguments[0]), &name)?;
    guest.write(arguments[3], &id.to_le_bytes())
}

fn increment_metric(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let state = guest.state();
    state.metric_ids.increment(
        &mut state.process.lock().stats,
        small(arguments[0]),
        arguments[1].cast_signed(),
    )
}

fn record_metric(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let state = guest.state();
    state
        .metric_ids
        .record(&mut state.process.lock().stats, small(arguments[0]), arguments[1])
}

fn get_metric(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let state = guest.state();
    let value = state
        .metric_ids
        .get(&mut state.process.lock().stats, small(arguments[0]))?;
    guest.write(arguments[1], &value.to_le_bytes())
}

fn get_shared_data(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let key = guest.read(arguments[0], arguments[1])?;
    let (value, cas) = guest.state().process.lock().shared_data.get(&key)?;
    guest.hand_over(&value, arguments[2], arguments[3])?;
    guest.write(arguments[4], &cas.to_le_bytes())
}

fn set_shared_data(guest: &mut Guest<'_>, arguments: &[u64]) -> Result<(), Status> {
    let (key, value) = (
        guest.read(arguments[0], arguments[1])?,
        guest.read(arguments[2], arguments[3])?,
    );
    guest
        .state()
        .process
        .lock()
        .shared_data
        .set(&key, &value, small(arguments[4]))
}
