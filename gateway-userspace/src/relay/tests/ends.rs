//! How a conversation ends, and what both sides are told.

use super::*;

const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_is_told_why_on_both_sides() {
    // Right after a command, while a thread waits for it, and parked.
    for (pause, waiting) in [(1, false), (50, true), (500, false)] {
        let mut scene = Scene::set(LONG);
        if waiting {
            say(&scene.agent, "one\n");
            assert_eq!(line(&scene.target), "one");
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        scene.cut(Cut::GatewayStopped);
        let (said, heard) = both(&scene, |agent| rest(&agent), |target| rest(&target)).await;
        assert_eq!((said.as_str(), heard.as_str()), ("bye GatewayStops\n", "quit\n"));
        assert_eq!(scene.ended.await.expect("no panic"), Ending::GatewayStopped);
        let judged = scene.judged.lock().expect("lock");
        assert!(judged.settled);
        let unanswered = waiting.then(|| (1, "Nothing".to_owned()));
        assert_eq!(judged.outcomes, Vec::from_iter(unanswered));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_does_not_listen_is_cut_off_all_the_same() {
    let mut scene = Scene::set(LONG);
    let target = scene.target.try_clone().expect("clone");
    spawn_blocking(move || while (&target).write(&[b'\n'; 4096]).is_ok() {});
    tokio::time::sleep(Duration::from_millis(300)).await;
    scene.cut(Cut::GatewayStopped);
    let ending = tokio::time::timeout(Duration::from_secs(5), scene.ended).await.expect("it ends");
    assert_eq!(ending.expect("no panic"), Ending::GatewayStopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_a_conversation_with_a_word() {
    let scene = Scene::set(Duration::from_millis(300));
    let (said, _) = both(&scene, |agent| rest(&agent), |_| ()).await;
    assert_eq!(said, "bye Idle\n");
    assert_eq!(scene.ended.await.expect("no panic"), Ending::Idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_hears_that_its_target_is_gone() {
    for reset in [false, true] {
        let scene = Scene::set(LONG);
        let target = move |target: TcpStream| {
            assert_eq!(line(&target), "one");
            if reset {
                crate::sys::tcp::abort(&target).expect("abort");
            } else {
                target.shutdown(Shutdown::Both).expect("shutdown");
            }
        };
        let agent = |agent: TcpStream| {
            say(&agent, "one\n");
            rest(&agent)
        };
        let (said, ()) = both(&scene, agent, target).await;
        assert_eq!(said, "bye TargetGone\n");
        let expected = if reset { Ending::ResetByTarget } else { Ending::Finished };
        assert_eq!(scene.ended.await.expect("no panic"), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_the_protocol_ends_the_connection() {
    let scene = Scene::set(LONG);
    say(&scene.agent, "break\n");
    let (said, heard) = both(&scene, |agent| rest(&agent), |target| rest(&target)).await;
    assert_eq!((said.as_str(), heard.as_str()), ("", ""));
    assert_eq!(scene.ended.await.expect("no panic"), Ending::BrokenByAgent { why: "it said break".into() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_an_agent_that_is_gone_holds_nothing_open() {
    // While a thread waits for the answer, and parked.
    for pause in [1, 500] {
        let Scene { agent, target, judged, ended, cut: _cut } = Scene::set(LONG);
        say(&agent, "one\n");
        assert_eq!(line(&target), "one");
        tokio::time::sleep(Duration::from_millis(pause)).await;
        drop(agent);
        let ending = tokio::time::timeout(Duration::from_secs(5), ended).await.expect("it ends");
        assert_eq!(ending.expect("no panic"), Ending::Finished);
        assert_eq!(rest(&target), "");
        assert_eq!(judged.lock().expect("lock").outcomes, [(1, "Nothing".to_owned())]);
    }
}
