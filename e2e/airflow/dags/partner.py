"""A Dag that a partner team triggers with a `conf` of its own."""

from airflow.sdk import dag, get_current_context, task


@dag(schedule=None, tags=["team:partner"])
def partner_report():
    @task
    def write_report() -> None:
        conf = get_current_context()["dag_run"].conf or {}
        print(f"partner_report for {conf.get('partner', 'nobody')}")

    write_report()


partner_report()
