"""SQLAlchemy over three drivers: what an ORM and its reflection ask of a server."""
import os
from sqlalchemy import ForeignKey, Integer, String, Text, create_engine, event, inspect, select, text, func
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

class Base(DeclarativeBase):
    pass
class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author", order_by="Book.id")
class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(Text)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
    author: Mapped[Author] = relationship(back_populates="books")

where = "{PGUSER}:{password}@{PGHOST}:{PGPORT}/{PGDATABASE}".format(password=os.environ["PGPASSWORD"].replace(" ", "%20"), **os.environ)
for driver in ("psycopg", "psycopg2", "pg8000"):
    engine = create_engine(f"postgresql+{driver}://{where}", pool_pre_ping=True)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    inspector = inspect(engine)
    print(driver, sorted(inspector.get_table_names()), [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns("books")])
    print(inspector.get_foreign_keys("books")[0]["referred_table"], inspector.get_unique_constraints("authors")[0]["column_names"])
    with Session(engine) as session:
        session.add_all([Author(name=f"author {i}", books=[Book(title=f"book {i}.{j}") for j in range(3)]) for i in range(20)])
        session.commit()
        print(session.execute(select(Author.name, func.count(Book.id)).join(Book).group_by(Author.name).order_by(Author.name).limit(2)).all())
        author = session.scalars(select(Author).where(Author.name == "author 7")).one()
        print([book.title for book in author.books])
        author.name = "renamed"
        session.flush()
        session.rollback()
        print(session.scalar(select(func.count()).select_from(Author).where(Author.name == "renamed")))
        try:
            session.add(Author(name="author 7"))
            session.commit()
        except DBAPIError as error:
            print(type(error).__name__, getattr(error.orig, "sqlstate", getattr(error.orig, "pgcode", None)))
            session.rollback()
    with engine.connect() as connection:
        connection = connection.execution_options(stream_results=True, yield_per=50)
        print(sum(row.i for row in connection.execute(text("select i from generate_series(1, 500) i"))))
    Base.metadata.drop_all(engine)
    engine.dispose()
