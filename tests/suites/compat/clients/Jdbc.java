import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Statement;
import java.util.Arrays;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;

/** The JDBC driver: extended protocol throughout, binary where it can, batches, row limits, COPY, notifications, cancel. */
public class Jdbc {
    interface Act { void run() throws Exception; }

    static void trouble(String what, Act act) throws Exception {
        try {
            act.run();
            System.out.println(what + " no error");
        } catch (SQLException error) {
            System.out.println(what + " " + error.getSQLState() + " " + error.getMessage().lines().findFirst().orElse(""));
        }
    }

    static void show(ResultSet rows) throws SQLException {
        ResultSetMetaData about = rows.getMetaData();
        while (rows.next()) {
            StringBuilder line = new StringBuilder();
            for (int i = 1; i <= about.getColumnCount(); i++) {
                line.append(about.getColumnLabel(i)).append(':').append(about.getColumnTypeName(i)).append('=')
                    .append(rows.getString(i)).append(' ');
            }
            System.out.println(line.toString().trim());
        }
    }

    static Connection connect(String host, String more) throws SQLException {
        String url = String.format("jdbc:postgresql://%s:%s/%s?prepareThreshold=2&%s", host, System.getenv("PGPORT"),
            System.getenv("PGDATABASE"), more);
        return DriverManager.getConnection(url, System.getenv("PGUSER"), System.getenv("PGPASSWORD"));
    }

    /** Each family of addresses and each mode of TLS. */
    static void modes() throws Exception {
        String trusted = "&sslrootcert=" + System.getenv("TRUSTED");
        String[] modes = {"disable", "allow", "prefer", "require", "verify-ca" + trusted, "verify-full" + trusted,
            "verify-full&sslrootcert=" + System.getenv("STRANGER")};
        for (String host : System.getenv("NAMES").split(" ")) {
            for (String mode : modes) {
                System.out.println(host + " " + mode.replaceAll("&.*/", " "));
                trouble("log in", () -> {
                    try (Connection connection = connect(host, "sslmode=" + mode); Statement statement = connection.createStatement()) {
                        show(statement.executeQuery("select 6 * 7 as answer, current_user::text as who"));
                    }
                });
            }
        }
    }

    public static void main(String[] args) throws Exception {
        modes();
        try (Connection connection = connect(System.getenv("PGHOST"), "sslmode=disable"); Statement statement = connection.createStatement()) {
            System.out.println(connection.getMetaData().getDatabaseProductVersion());
            show(statement.executeQuery("select 1::int2 a, 2::int8 b, 3.5::float8 c, 12.50::numeric d, true e, null::text f, 'ünïcode ✓' g, "
                + "'\\x00ff'::bytea h, '{1,2}'::int[] i, timestamptz '2001-02-03 04:05:06+00' j"));
            statement.execute("create temp table things (id int primary key, name text)");
            boolean more = statement.execute("insert into things values (1, 'one'); select * from things; delete from things where id = 9");
            System.out.println(more + " " + statement.getUpdateCount() + " " + statement.getMoreResults());
            show(statement.getResultSet());
            statement.execute("do $$ begin raise warning 'careful'; end $$");
            for (SQLWarning warning = statement.getWarnings(); warning != null; warning = warning.getNextWarning()) {
                System.out.println("warning " + warning.getSQLState() + " " + warning.getMessage());
            }
            trouble("syntax", () -> statement.execute("selec"));
            trouble("unique", () -> statement.execute("insert into things values (1, 'again')"));
            trouble("mid-stream", () -> statement.executeQuery("select 10 / (5000 - i) from generate_series(1, 10000) i"));
            try (PreparedStatement prepared = connection.prepareStatement("select name, ? as given from things where id = ?")) {
                for (int i = 0; i < 6; i++) {
                    prepared.setLong(1, i);
                    prepared.setInt(2, i);
                    show(prepared.executeQuery());
                }
            }
            try (PreparedStatement batch = connection.prepareStatement("insert into things values (?, ?)")) {
                for (int i = 10; i < 500; i++) {
                    batch.setInt(1, i);
                    batch.setString(2, "row " + i);
                    batch.addBatch();
                }
                System.out.println(Arrays.stream(batch.executeBatch()).sum());
                batch.setInt(1, 1000);
                batch.setString(2, "fine");
                batch.addBatch();
                batch.setInt(1, 1);
                batch.setString(2, "again");
                batch.addBatch();
                trouble("batch", batch::executeBatch);
            }
            connection.setAutoCommit(false);
            statement.setFetchSize(50);
            int total = 0;
            try (ResultSet rows = statement.executeQuery("select i from generate_series(1, 1000) i")) {
                while (rows.next()) {
                    total += rows.getInt(1);
                }
            }
            System.out.println(total);
            trouble("inside", () -> statement.execute("select 1/0"));
            trouble("failed", () -> statement.execute("select 1"));
            connection.rollback();
            connection.setAutoCommit(true);
            CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
            System.out.println(copy.copyIn("copy things from stdin (format csv)", new StringReader("2000,copied\n2001,\"co,pied\"\n")));
            StringWriter out = new StringWriter();
            System.out.println(copy.copyOut("copy (select * from things where id >= 2000 order by id) to stdout", out) + " " + out);
            trouble("bad copy", () -> copy.copyIn("copy things from stdin", new StringReader("word\tx\n")));
            Array array = connection.createArrayOf("int4", new Object[] {1, null, 3});
            try (PreparedStatement prepared = connection.prepareStatement("select ?::int[], length(?)")) {
                prepared.setArray(1, array);
                prepared.setString(2, "x".repeat(3_000_000));
                show(prepared.executeQuery());
            }
            statement.execute("listen here");
            statement.execute("notify here, 'a payload'");
            for (PGNotification note : connection.unwrap(PGConnection.class).getNotifications(5000)) {
                System.out.println("notified " + note.getName() + " " + note.getParameter());
            }
            Thread canceller = new Thread(() -> {
                try {
                    Thread.sleep(300);
                    statement.cancel();
                } catch (Exception error) {
                    System.out.println(error);
                }
            });
            canceller.start();
            trouble("cancel", () -> statement.execute("select pg_sleep(30)"));
            canceller.join();
            show(statement.executeQuery("select 'still here' as last"));
        }
    }
}
