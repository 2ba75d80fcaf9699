//! What gets through, in which order, and how much of it at once.

use super::*;

const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_never_reaches_the_target_and_the_rest_goes_on_in_order() {
    let scene = Scene::set(LONG);
    let agent = |agent: TcpStream| {
        say(&agent, "one\nno two\nthree\n");
        let heard = [line(&agent), line(&agent), line(&agent)];
        agent.shutdown(Shutdown::Write).expect("half-close");
        (heard, rest(&agent))
    };
    let target = |target: TcpStream| {
        let heard = [line(&target), line(&target)];
        say(&target, "first\nthird\n");
        let nothing = rest(&target);
        target.shutdown(Shutdown::Write).expect("half-close");
        (heard, nothing)
    };
    let ((answers, _), (commands, nothing)) = both(&scene, agent, target).await;
    assert_eq!(
        (answers.as_slice(), nothing.as_str()),
        (&["refused", "first", "third"].map(str::to_owned)[..], "")
    );
    assert_eq!(commands, ["one", "three"]);
    assert_eq!(scene.judged(), ["one", "three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_many_pieces_is_understood_once_it_is_whole() {
    let scene = Scene::set(LONG);
    let long = "x".repeat(700_000);
    let sent = long.clone();
    let agent = move |agent: TcpStream| {
        agent.set_nodelay(true).expect("a socket option");
        for piece in ["o", "n", "e\ntw", "o", "\n"] {
            say(&agent, piece);
            std::thread::sleep(Duration::from_millis(15));
        }
        say(&agent, &sent);
        say(&agent, "\nlast\n");
        line(&agent)
    };
    let target = |target: TcpStream| {
        let mut reader = BufReader::new(&target);
        let lines: Vec<String> = (0..4)
            .map(|_| {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a line");
                line.trim_end().to_owned()
            })
            .collect();
        say(&target, "done\n");
        lines
    };
    let (_, commands) = both(&scene, agent, target).await;
    assert_eq!(commands, ["one", "two", &long, "last"]);
    assert_eq!(scene.judged().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_the_other_side_goes_on_once_that_has_spoken() {
    let scene = Scene::set(LONG);
    let agent = |agent: TcpStream| {
        say(&agent, "one\nwait\nlater\n");
        line(&agent)
    };
    let target = |target: TcpStream| {
        let first = line(&target);
        target.set_read_timeout(Some(Duration::from_millis(300))).expect("a socket option");
        let early = line(&target);
        target.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket option");
        say(&target, "answer\n");
        [first, early, line(&target), line(&target)]
    };
    let (answer, commands) = both(&scene, agent, target).await;
    assert_eq!(answer, "answer");
    assert_eq!(commands, ["one", "", "wait", "later"]);
}

/// Whichever side is expected to speak, the other one is heard.
#[tokio::test(flavor = "multi_thread")]
async fn a_side_that_nobody_awaits_is_heard_all_the_same() {
    let scene = Scene::set(LONG);
    let (heard, _) = both(
        &scene,
        |agent| [line(&agent), line(&agent)],
        |target| {
            for pause in [2, 400] {
                std::thread::sleep(Duration::from_millis(pause));
                say(&target, "notice\n");
            }
        },
    )
    .await;
    assert_eq!(heard, ["notice", "notice"]);
}

/// Refusals are our own words: an agent that never reads them is not listened to any more.
#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_reads_nothing_is_held_back() {
    let scene = Scene::set(LONG);
    let (sent, _) = both(
        &scene,
        |mut agent| {
            agent.set_write_timeout(Some(Duration::from_millis(500))).expect("a socket option");
            let commands = "no \n".repeat(16 * 1024);
            let mut sent = 0;
            while let Ok(written @ 1..) = agent.write(commands.as_bytes()) {
                sent += written;
                assert!(sent < 256 << 20, "nothing holds it back");
            }
            sent
        },
        |_| (),
    )
    .await;
    assert!(sent > 64 * 1024, "{sent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_record_nothing_goes_on() {
    let scene = Scene::set(LONG);
    scene.judged.lock().expect("lock").full = true;
    let (heard, reached) = both(
        &scene,
        |agent| {
            say(&agent, "one\n");
            line(&agent)
        },
        |target| line(&target),
    )
    .await;
    assert_eq!((heard.as_str(), reached.as_str()), ("bye GatewayStops", "quit"));
    assert!(matches!(scene.ended.await.expect("no panic"), Ending::Failed { why } if why.contains("record")));
}
