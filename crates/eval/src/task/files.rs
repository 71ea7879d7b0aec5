//! The sample files of the operations tasks: always the same ones, made on the spot instead of kept.
//!
//! What a task asks for is planted; the rest is filled in by a small generator with a fixed seed. Everything is made up.

use std::fmt::Write;

/// Path below the working directory, and content.
pub type SampleFile = (&'static str, String);

/// All sample files.
pub fn sample_files() -> Vec<SampleFile> {
    vec![
        ("logs/app.log", app_log()),
        ("logs/access.log", access_log()),
        ("logs/auth.log", auth_log()),
        ("metrics/cpu.csv", cpu()),
        ("metrics/errors.csv", errors()),
        ("metrics/memory.csv", memory()),
        ("config/billing.toml", config("billing", 8443)),
        ("config/ledger.toml", config("ledger", 8443)),
        ("config/search.toml", config("search", 9200)),
        ("config/gateway.toml", config("gateway", 8080)),
        ("config/gateway.production.env", environment("production", 300)),
        ("config/gateway.staging.env", environment("staging", 60)),
        ("incidents/2026-03-14.md", INCIDENT.into()),
        ("incidents/oncall.csv", ON_CALL.into()),
        ("perf/profile.txt", PROFILE.into()),
        ("perf/queries.csv", queries()),
        ("perf/gc.log", pauses()),
        ("automation/files.txt", listing()),
        ("automation/crontab", CRONTAB.into()),
        ("security/readme.txt", "Files that the last audit looked at.\n".into()),
        (
            "security/deploy/current.env",
            "DB_HOST=db-1.internal\nDB_USER=app\nDB_PASSWORD_FILE=/run/secrets/db\n".into(),
        ),
        (
            "security/deploy/old.env",
            "DB_HOST=db-0.internal\nDB_USER=app\nDB_PASSWORD=correct-horse-battery\n".into(),
        ),
        ("security/ports.txt", "22\n80\n443\n4444\n9100\n".into()),
        ("security/allowed.txt", "22\n80\n443\n9100\n".into()),
        ("services/spans.csv", spans()),
        ("services/health.csv", HEALTH.into()),
        ("cost/bill.csv", bill()),
        ("cost/volumes.csv", VOLUMES.into()),
    ]
}

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers on every machine and in every release.
struct Numbers(u64);

impl Numbers {
    /// Uniform in 0..n.
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

/// Lines of a file, each made from its number.
fn lines(header: &str, count: u64, mut line: impl FnMut(u64) -> String) -> String {
    let mut text = String::from(header);
    for number in 0..count {
        let _ = writeln!(text, "{}", line(number));
    }
    text
}

/// `HH:MM:SS` so many seconds after a time of day.
fn clock(start_hour: u64, seconds: u64) -> String {
    let seconds = start_hour * 3600 + seconds;
    format!("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

fn app_log() -> String {
    let mut numbers = Numbers(1);
    let services = ["gateway", "billing", "search", "inventory", "checkout"];
    lines("", 420, |line| {
        // 23 errors, the first one in line 61.
        let error = line >= 60 && (line - 60).is_multiple_of(15) && (line - 60) / 15 < 23;
        let service = if line == 60 { "checkout" } else { numbers.pick(&services) };
        let (level, text) = match (error, numbers.below(6)) {
            (true, _) => ("ERROR", "request failed: upstream did not answer in time"),
            (false, 0) => ("WARN", "retrying after a slow answer, no error yet"),
            _ => ("INFO", "request served"),
        };
        format!(
            "2026-03-14T{} {level} {service} {text} id={:06x}",
            clock(8, line * 11),
            numbers.below(1 << 24)
        )
    })
}

fn access_log() -> String {
    let mut numbers = Numbers(2);
    let paths = ["/", "/cart", "/login", "/reports/yearly", "/search?q=500", "/api/orders"];
    lines("", 520, |line| {
        // 37 failures of the server.
        let failed = line % 14 == 9 && line < 14 * 37;
        let status = if failed {
            500 + numbers.below(4)
        } else {
            [200, 200, 200, 204, 301, 404][numbers.below(6) as usize]
        };
        let host = numbers.below(250) + 1;
        let path = numbers.pick(&paths);
        let (bytes, ms) = (numbers.below(90_000), numbers.below(900) + 3);
        format!(
            "198.51.100.{host} - - [14/Mar/2026:{} +0000] \"GET {path} HTTP/1.1\" {status} {bytes} {ms}ms",
            clock(9, line * 5)
        )
    })
}

fn auth_log() -> String {
    let mut numbers = Numbers(3);
    lines("", 160, |line| {
        let (address, user, outcome) = match line % 4 {
            0 => ("203.0.113.77".to_owned(), "root", "failed"),
            1 => (
                format!("198.51.100.{}", 1 + numbers.below(200)),
                numbers.pick(&["ana", "deploy", "sven"]),
                "failed",
            ),
            _ => (
                format!("192.0.2.{}", 1 + numbers.below(30)),
                numbers.pick(&["ana", "deploy", "sven"]),
                "accepted",
            ),
        };
        format!(
            "Mar 14 {} bastion sshd[{}]: {outcome} login for {user} from {address}",
            clock(1, line * 97),
            1000 + line
        )
    })
}

fn cpu() -> String {
    let mut numbers = Numbers(4);
    lines("time,cpu_percent\n", 120, |line| {
        let minute = 13 * 60 + 30 + line;
        // One short peak before the load goes up for good.
        let base = if minute >= 14 * 60 + 37 {
            83
        } else if line == 20 {
            71
        } else {
            31
        };
        format!("{:02}:{:02},{}", minute / 60, minute % 60, base + numbers.below(9))
    })
}

fn errors() -> String {
    let mut numbers = Numbers(5);
    lines("time,error_percent\n", 90, |line| {
        let high = line % 10 == 3;
        let tenths = if high { 52 + numbers.below(60) } else { numbers.below(50) };
        format!("{:02}:{:02},{}.{}", 10 + line / 60, line % 60, tenths / 10, tenths % 10)
    })
}

fn memory() -> String {
    let mut numbers = Numbers(6);
    lines("hour,gateway_mib,search_mib,indexer_mib,billing_mib\n", 24, |hour| {
        let mut around = |base: u64| base + numbers.below(40);
        format!("{hour},{},{},{},{}", around(410), around(1_820), around(600 + hour * 71), around(250))
    })
}

fn config(service: &str, port: u16) -> String {
    format!(
        "[service]\nname = \"{service}\"\nworkers = 4\n\n[listen]\naddress = \"0.0.0.0\"\nport = {port}\n\n[log]\nlevel = \"info\"\n"
    )
}

fn environment(name: &str, ttl: u32) -> String {
    format!(
        "ENVIRONMENT={name}\nUPSTREAM_TIMEOUT_MS=1500\nMAX_CONNECTIONS=512\nCACHE_TTL_SECONDS={ttl}\nTLS_MIN_VERSION=1.2\nRETRY_LIMIT=3\n"
    )
}

fn queries() -> String {
    let mut numbers = Numbers(7);
    lines("id,table,count,mean_ms\n", 30, |line| {
        let table = numbers.pick(&["orders", "users", "events", "stock"]);
        let (count, mean) = match line {
            17 => (91_000, 48),
            // Slower, but rare; and frequent, but fast.
            5 => (310, 2_950),
            22 => (480_000, 2),
            _ => (100 + numbers.below(9_000), 1 + numbers.below(90)),
        };
        format!("q{line:02},{table},{count},{mean}")
    })
}

fn pauses() -> String {
    let mut numbers = Numbers(8);
    lines("", 75, |line| {
        let ms = if line == 48 { 812 } else { 4 + numbers.below(380) };
        format!(
            "[{}] gc {}: pause {ms} ms, heap {} MiB",
            clock(0, line * 613),
            7_000 + line,
            900 + numbers.below(2_000)
        )
    })
}

fn listing() -> String {
    let mut numbers = Numbers(9);
    lines("", 60, |line| {
        // Every fifth is one; names that only look like one are not.
        let ending =
            if line % 5 == 2 { "jpeg" } else { numbers.pick(&["jpg", "png", "jpeg.txt", "txt", "jpg"]) };
        format!("photos/{:04}/scan-{line:03}.{ending}", 2019 + numbers.below(7))
    })
}

fn spans() -> String {
    let mut numbers = Numbers(10);
    let services = ["gateway", "checkout", "inventory", "payments", "mail"];
    lines("request,service,self_ms\n", 250, |line| {
        let service = services[(line % 5) as usize];
        let ms = match (line / 5, service) {
            (42, "inventory") => 1_377,
            (_, "payments") => 60 + numbers.below(200),
            _ => 2 + numbers.below(120),
        };
        format!("req-{:04},{service},{ms}", line / 5)
    })
}

fn bill() -> String {
    let mut numbers = Numbers(11);
    let teams = ["platform", "search", "payments", "mobile"];
    lines("month,team,service,usd\n", 96, |line| {
        let team = teams[(line % 4) as usize];
        let service = numbers.pick(&["compute", "storage", "network"]);
        let usd = numbers.below(400) + if team == "search" { 700 } else { 250 };
        format!("2026-{:02},{team},{service},{usd}", 1 + line / 8)
    })
}

const INCIDENT: &str = "\
# Outage of 14 March 2026

All times are UTC.

- 08:40 A deployment of search 2.9 goes out. It turns out to have nothing to do with this.
- 09:12 Customers see errors on every page; the gateway refuses connections to its backends.
- 09:15 The alarm `gateway_5xx` fires. The person on call looks at it.
- 09:21 The search deployment is rolled back. Nothing changes.
- 09:34 The logs of the gateway say `x509: certificate has expired`: the internal certificate of the backends ran out at 09:12.
- 09:50 A new certificate is issued and rolled out.
- 09:55 All pages are back for customers.
- 10:30 The automatic renewal is found to have been switched off since January, and is switched on.
";

const ON_CALL: &str = "\
from,to,name
2026-03-13T20:00Z,2026-03-14T04:00Z,Jonas Weber
2026-03-14T04:00Z,2026-03-14T12:00Z,Marta Lind
2026-03-14T12:00Z,2026-03-14T20:00Z,Ravi Nair
2026-03-14T20:00Z,2026-03-15T04:00Z,Jonas Weber
";

const PROFILE: &str = "\
  total_ms    self_ms  function
     48210        112  main
     47530       1904  handle_stream
     31877      22615  decode_frame
     12044      11870  write_output
      9262       3381  read_packet
      5881       5881  checksum
       412        412  log_line
";

const CRONTAB: &str = "\
# minute hour day month weekday command
*/10 * * * *   collect-metrics
30   1 * * *   rotate-logs
15   3 * * *   backup-database
45   3 * * *   vacuum-database
15   3 * * *   reindex-search
0    6 * * 1   weekly-report
";

const HEALTH: &str = "\
service,healthy,depends_on
gateway,no,checkout search
checkout,no,payments inventory
search,yes,db-1
payments,no,ledger
inventory,yes,db-1
ledger,no,db-2
db-1,yes,
db-2,no,
";

const VOLUMES: &str = "\
volume,gib,attached_to,usd_per_month
vol-01,200,web-1,20
vol-02,500,,50
vol-03,1000,db-1,100
vol-04,1200,,120
vol-05,80,web-2,8
vol-06,1420,,142
vol-07,300,cache-1,30
";
